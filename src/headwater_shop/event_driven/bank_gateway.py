"""The payment gateway over HTTP: the simulated bank as a process of its own."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.event_driven.gateway import GatewayDown, Receipt

PATIENCE: Final = 10.0  # seconds for an answer; asking again is safe

CardOf = Callable[[str], Awaitable[str]]
"""The card that pays an order; '' where nobody picked one."""


class _Answer(msgspec.Struct):
    accepted: bool
    reference: str = ""
    reason: str = ""


_answer = msgspec.json.Decoder(_Answer).decode


class BankGateway:
    """A PaymentGateway that asks the bank at `url`. A payment's id is its order's and an attempt's number."""

    def __init__(self, client: httpx.AsyncClient, url: str, card_of: CardOf, clock: Clock | None = None) -> None:
        self._client = client
        self._url = url
        self._card_of = card_of
        self._clock = clock or SystemClock()

    async def charge(self, payment_id: str, amount: Decimal) -> Receipt:
        order_id = payment_id.rpartition("-")[0]
        asked = {"payment_id": payment_id, "order_id": order_id, "amount": amount}
        if card := await self._card_of(order_id):
            asked["card"] = card
        return await self._ask("charges", asked)

    async def refund(self, refund_id: str, payment_id: str, amount: Decimal) -> Receipt:
        return await self._ask("refunds", {"refund_id": refund_id, "payment_id": payment_id, "amount": amount})

    async def _ask(self, what: str, asked: dict[str, Any]) -> Receipt:
        try:
            came = await self._client.post(
                f"{self._url}/{what}", content=msgspec.json.encode(asked), timeout=PATIENCE,
                headers={"content-type": "application/json"},
            )  # fmt: skip
            if came.status_code != 200:
                raise GatewayDown(f"the bank answers {came.status_code}: {came.text[:200]}")
            answer = _answer(came.content)
        except (httpx.HTTPError, AttributeError, msgspec.DecodeError) as error:  # AttributeError: see `parts.asking`
            raise GatewayDown(f"the bank did not answer: {error!r}") from error
        return Receipt(answer.accepted, to_datetime(self._clock.now()), answer.reference, answer.reason)

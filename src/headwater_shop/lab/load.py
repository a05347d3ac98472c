"""Open-loop load: everybody comes when they were meant to, however slow the shop is, and tries once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from headwater_shop.contract import FINAL, PREFIX, PlacedOrder
from headwater_shop.lab.arrivals import Arrival, Order
from headwater_shop.lab.client import NONE, Answer, Client
from headwater_shop.lab.raw import Browse, Line, Ordered

OPEN: Final = 512
"""At most so many requests are open at once; who comes then goes away again, and counts as not answered."""

Tell = Callable[[Line], None]
Now = Callable[[], float]
"""Seconds since the beginning of the run's load."""

_status = msgspec.json.Decoder(PlacedOrder).decode


class Shoppers:
    """Carries out arrivals. `tell` takes the raw lines, `answered` every order with its answer and the moment of it."""

    def __init__(
        self, client: Client, now: Now, tell: Tell, answered: Callable[[Order, Answer, float], None]
    ) -> None:  # fmt: skip
        self._client = client
        self._now = now
        self._tell = tell
        self._answered = answered
        self._open = 0

    async def come(self, arrivals: Sequence[Arrival]) -> None:
        """Returns when the last one is answered, or has given up."""
        async with asyncio.TaskGroup() as group:
            for each in sorted(arrivals, key=lambda arrival: arrival.at):
                if (early := each.at - self._now()) > 0:
                    await asyncio.sleep(early)
                if self._open >= OPEN:
                    self._over(each, NONE)
                else:
                    self._open += 1
                    group.create_task(self._one(each), name="shopper")

    async def _one(self, arrival: Arrival) -> None:
        try:
            if isinstance(arrival, Order):
                answer = await self._client.ask("PUT", f"{PREFIX}/orders/{arrival.order_id}", arrival.body)
            else:
                answer = await self._client.ask("GET", arrival.path)
        finally:
            self._open -= 1
        self._over(arrival, answer)

    def _over(self, arrival: Arrival, answer: Answer) -> None:
        now = self._now()
        if isinstance(arrival, Order):
            amount, pieces = str(arrival.amount), dict(arrival.pieces)
            took = now - arrival.at
            self._tell(
                Ordered(arrival.order_id, arrival.at, took, answer.status, amount, pieces=pieces, probe=arrival.probe)
            )
            self._answered(arrival, answer, now)
        else:
            self._tell(Browse(arrival.at, now - arrival.at, answer.status))


def status_of(answer: Answer) -> str | None:
    """How an order stands, by an answer that tells; '' where the shop knows of none, None where it did not say."""
    if answer.status == 404:
        return ""
    if answer.status not in (200, 201, 202):
        return None
    try:
        return _status(answer.body).status
    except msgspec.DecodeError:
        return None


def is_final(status: str | None) -> bool:
    """Whether nothing more will come of it."""
    return status in FINAL

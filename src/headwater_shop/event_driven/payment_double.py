"""A payment gateway double: a ledger in memory which can be slow, decline, or be down."""

import random
from decimal import Decimal

import msgspec

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.event_driven.gateway import GatewayDown, Receipt


class Charge(msgspec.Struct, frozen=True):
    """An entry of the ledger: money taken, or given back where the amount is negative."""

    id: str
    payment_id: str
    amount: Decimal


class PaymentDouble:
    """Answers after `delay` seconds and declines a `failure_rate` (0 to 1) of the payments, decided by `seed` and the
    payment's id alone. While `down` it raises GatewayDown. `ledger` lists what really moved, each id once;
    `calls` counts every question."""

    def __init__(
        self,
        *,
        delay: float = 0.0,
        failure_rate: float = 0.0,
        down: bool = False,
        seed: int = 1,
        clock: Clock | None = None,
    ) -> None:
        self.delay = delay
        self.failure_rate = failure_rate
        self.down = down
        self.seed = seed
        self.calls = 0
        self._clock = clock or SystemClock()
        self._answers: dict[str, Receipt] = {}
        self._ledger: list[Charge] = []

    @property
    def ledger(self) -> tuple[Charge, ...]:
        """Every movement of money, in order."""
        return tuple(self._ledger)

    async def charge(self, payment_id: str, amount: Decimal) -> Receipt:
        await self._answering()
        if payment_id not in self._answers:
            declined = random.Random(f"{self.seed}:{payment_id}").random() < self.failure_rate
            self._answers[payment_id] = self._declined() if declined else self._moved(payment_id, payment_id, amount)
        return self._answers[payment_id]

    async def refund(self, refund_id: str, payment_id: str, amount: Decimal) -> Receipt:
        await self._answering()
        if refund_id not in self._answers:
            self._answers[refund_id] = self._moved(refund_id, payment_id, -amount)
        return self._answers[refund_id]

    async def _answering(self) -> None:
        self.calls += 1
        if self.delay:
            await self._clock.sleep(self.delay)
        if self.down:
            raise GatewayDown("the payment gateway does not answer")

    def _moved(self, id: str, payment_id: str, amount: Decimal) -> Receipt:
        self._ledger.append(Charge(id, payment_id, amount))
        return Receipt(True, to_datetime(self._clock.now()), reference=f"double-{len(self._ledger)}")

    def _declined(self) -> Receipt:
        return Receipt(False, to_datetime(self._clock.now()), reason="the bank declined the payment")

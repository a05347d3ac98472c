"""Making up for what was left undone: by a process that died, or because somebody did not answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from headwater.clock import Clock, SystemClock, to_datetime
from headwater.errors import Rejected
from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.parts.asking import NoAnswer
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.ports import Book, Held
from headwater_shop.parts.steps import Expire, Step

EVERY: Final = 2.0  # seconds between two looks
GRACE: Final = 5.0  # seconds in which whoever was asked for an order is still at it
AT_ONCE: Final = 8

log = logging.getLogger("headwater_shop.recovery")


class Recovery:
    """Takes on orders that stand still: at the start all of them, later those that have for a while. One that is not
    paid in time is cancelled."""

    def __init__(
        self,
        unfinished: Callable[[datetime], Awaitable[Sequence[Held]]],
        take_on: Callable[[Held], Awaitable[Held]],
        take: Callable[[str, Step], Awaitable[Held]],
        *,
        packing: float = 0.0,
        payment_deadline: float = PAYMENT_DEADLINE.total_seconds(),
    ) -> None:
        self._unfinished = unfinished
        self._take_on = take_on
        self._take = take
        self._packing = packing
        self._deadline = timedelta(seconds=payment_deadline)
        self._clock: Clock = SystemClock()

    async def run(self) -> None:
        """Do that until cancelled."""
        grace = 0.0
        while True:
            try:
                found = await self._unfinished(self._now() - timedelta(seconds=grace))
                await self._all(found)
                grace = GRACE + self._packing
            except NoAnswer as error:
                log.warning("orders that stand still are not known: %s", error)
            await self._clock.sleep(EVERY)

    async def _all(self, found: Sequence[Held]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(held: Held) -> None:
            async with gate:
                await self._one(held)

        async with asyncio.TaskGroup() as group:
            for held in found:
                group.create_task(one(held), name=f"recover {held.order.order_id}")

    async def _one(self, held: Held) -> None:
        order_id: Any = held.order.order_id
        try:
            await self._take_on(await self._expired(held))
        except NoAnswer as error:
            log.warning("order %s stands still: %s", order_id, error)
        except Rejected as no:
            log.warning("order %s is not to be: %s", order_id, no)

    async def _expired(self, held: Held) -> Held:
        placed = held.order.placed_at
        late = placed is not None and self._now() - placed > self._deadline
        if late and held.order.status == "payment_due":
            return await self._take(held.order.order_id, Expire(self._now()))
        return held

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())


def recovery(bench: Bench, book: Book, take_on: Callable[[Held], Awaitable[Held]]) -> Recovery:
    """The recovery of the orders in that book, with what the service was given."""
    given = bench.given
    return Recovery(
        book.unfinished, take_on, book.take, packing=given.packing, payment_deadline=given.payment_deadline
    )  # fmt: skip

"""Watching orders until nothing more comes of them: when they can be read, when they are final, how they end."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import msgspec

from headwater_shop.contract import PREFIX, PlacedOrder
from headwater_shop.lab.arrivals import Order
from headwater_shop.lab.client import Answer, Client, each_of
from headwater_shop.lab.load import Now, Tell, is_final, status_of
from headwater_shop.lab.raw import Settled, Stale

ACCEPTED: Final = (201, 202)
UNANSWERED: Final = "?"
MOVING: Final = ("placed", "payment_due", "paid")

Money = Callable[[], Awaitable[Collection[str]]]
"""The orders of which the bank holds money."""

_FIRST, _LONGEST = 0.03, 0.5  # seconds between looks at an order; each wait is half as long again as the one before
_DURING, _AFTER = 25.0, 150.0  # looks a second, while the load is on and after it: watching is load, too
LOOKERS: Final = 5
_REST_EVERY: Final = 0.05
_LAST_WORD_WITHIN: Final = 20.0  # a shop that is still busy by then has no answer

_PROBED: Final = 4  # orders whose staleness is being measured at once
_PROBE_EVERY, _PROBE_FOR = 0.01, 3.0

_orders = msgspec.json.Decoder(list[PlacedOrder]).decode


@dataclass
class _Seen:
    """What is known of an order; `at` is when it was first seen in a final state."""

    order: Order
    accepted: bool
    status: str = ""
    at: float | None = None
    wait: float = _FIRST
    asked_after: bool = False
    changed: float = 0.0


@dataclass(frozen=True)
class Patience:
    """For how long what is not final is waited for: `longest` at most; and where no accepted order is open, none is on
    its way and none without an end is paid, until nothing has changed for `quiet` seconds."""

    longest: float
    quiet: float


@dataclass
class Watcher:
    """Looks at orders, by the contract alone. Every one that was asked for is told of to `answered`."""

    client: Client
    now: Now
    tell: Tell
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _due: list[tuple[float, str]] = field(default_factory=list)
    _probes: set[asyncio.Task[None]] = field(default_factory=set)

    def answered(self, order: Order, answer: Answer, at: float) -> None:
        """An order has been asked for, with this answer."""
        accepted = answer.status in ACCEPTED
        seen = self._seen[order.order_id] = _Seen(order, accepted, changed=at)
        if not accepted:
            return
        self._note(seen, status_of(answer), at)
        if len(self._probes) < _PROBED:
            task = asyncio.create_task(self._probe(order, at), name="staleness")
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)
        if seen.at is None:
            heapq.heappush(self._due, (at + _FIRST, order.order_id))

    async def during(self) -> None:
        """Look at what is accepted and not final, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._lookers(group, _DURING)
        finally:
            for task in self._probes:
                task.cancel()

    async def after(self, patience: Patience, money: Money) -> None:
        """Look at everything that is not final until nothing more is to be expected; then tell how each order ends."""
        began = self.now()
        self._due = [(began, seen.order.order_id) for seen in self._open()]
        heapq.heapify(self._due)
        async with asyncio.TaskGroup() as group:
            lookers = self._lookers(group, _AFTER)
            await self._rest(began, patience, money)
            for each in lookers:
                each.cancel()
        give_up = self.now() + _LAST_WORD_WITHIN
        await each_of(self._open(), lambda seen: self._last_word(seen, give_up))
        for id, seen in self._seen.items():
            self.tell(Settled(id, seen.status, seen.at))
        await each_of([seen for seen in self._seen.values() if seen.accepted and seen.at is not None], self._once_more)

    def dispatched(self) -> dict[str, int]:
        """How many pieces have left the house, by product."""
        found: dict[str, int] = {}
        for seen in self._seen.values():
            for code, pieces in seen.order.pieces.items() if seen.status == "dispatched" else ():
                found[code] = found.get(code, 0) + pieces
        return found

    def completed(self, start: float, end: float) -> tuple[int, int]:
        """Of the orders that were meant to come in between, probes left out: how many are dispatched, and how many
        there are."""
        meant = [seen for seen in self._seen.values() if start <= seen.order.at < end and not seen.order.probe]
        return sum(seen.status == "dispatched" for seen in meant), len(meant)

    def _open(self) -> list[_Seen]:
        return [seen for seen in self._seen.values() if seen.at is None]

    async def _rest(self, began: float, patience: Patience, money: Money) -> None:
        """Return when nothing more is to be expected, or the longest wait is over."""
        asked_bank = began
        while self._open() and (now := self.now()) - began < patience.longest:
            if self._still(asked_bank, patience.quiet):
                paid = await money()
                if not any(seen.order.order_id in paid for seen in self._open()):
                    return
                asked_bank = now  # somebody might yet do something about it
            await asyncio.sleep(_REST_EVERY)

    def _still(self, since: float, quiet: float) -> bool:
        """Whether every order has been asked after, none is under way, and nothing has changed for a while."""
        open = self._open()
        if not all(seen.asked_after for seen in open) or any(seen.accepted or seen.status in MOVING for seen in open):
            return False
        return self.now() - max([since, *(seen.changed for seen in self._seen.values())]) >= quiet

    def _lookers(self, group: asyncio.TaskGroup, looks: float) -> list[asyncio.Task[None]]:
        """Several look, so many times a second together: an answer that is long in coming holds up one of them."""
        return [group.create_task(self._looker(looks / LOOKERS), name="look") for _ in range(LOOKERS)]

    async def _looker(self, looks: float) -> None:
        while True:
            await asyncio.sleep(1 / looks)
            if self._due and self._due[0][0] <= self.now():
                await self._look(self._seen[heapq.heappop(self._due)[1]])

    async def _look(self, seen: _Seen) -> None:
        status = await self._ask(seen)
        now = self.now()
        self._note(seen, status, now)
        seen.asked_after = seen.asked_after or status is not None
        if seen.at is None:
            seen.wait = min(seen.wait * 1.5, _LONGEST)
            heapq.heappush(self._due, (now + seen.wait, seen.order.order_id))

    async def _last_word(self, seen: _Seen, give_up: float) -> None:
        """How an order stands that has no end: by an answer, or not at all."""
        while (status := await self._ask(seen)) is None:
            if self.now() > give_up:
                seen.status = UNANSWERED
                return
            await asyncio.sleep(_LONGEST)
        self._note(seen, status, self.now())

    async def _once_more(self, seen: _Seen) -> None:
        """What was final is to be so still, and known; another end is told of, too."""
        status = await self._ask(seen)
        if status is not None and status != seen.status:
            self.tell(Settled(seen.order.order_id, status, self.now() if is_final(status) else None))

    async def _ask(self, seen: _Seen) -> str | None:
        return status_of(await self.client.ask("GET", f"{PREFIX}/orders/{seen.order.order_id}"))

    def _note(self, seen: _Seen, status: str | None, at: float) -> None:
        if status is None or status == seen.status:
            return
        seen.status, seen.changed = status, at
        if is_final(status):
            seen.at = at

    async def _probe(self, order: Order, answered: float) -> None:
        """Until the customer finds the order among theirs. The order itself is no test: whoever took it may know."""
        path = f"{PREFIX}/customers/{order.customer_id}/orders"
        while self.now() - answered < _PROBE_FOR:
            asked = self.now()
            answer = await self.client.ask("GET", path)
            if answer.status == 200 and any(each.order_id == order.order_id for each in _orders(answer.body)):
                self.tell(Stale(order.at, max(0.0, asked - answered)))
                return
            await asyncio.sleep(_PROBE_EVERY)
        self.tell(Stale(order.at, self.now() - answered))

"""Lanes: work in order for each key, one at a time per key, many keys at once."""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from itertools import compress
from typing import Generic, NamedTuple, TypeVar

from headwater.clock import Clock, SystemClock
from headwater.errors import TimedOut
from headwater.flow.places import Places
from headwater.flow.timeout import within

T = TypeVar("T")

IN_A_ROW = 16  # items that one task works off before the event loop has its turn, if their work never waits


class LaneStatistics(NamedTuple):
    """How full it is: items that run, that rest before they are tried again, and that wait; and how many at most. One
    that was dropped while it ran still runs, but is not open."""

    running: int
    resting: int
    waiting: int
    capacity: int


class Lane(Generic[T]):
    """The open items of one key. The first is the one that runs or rests, unless it was dropped while it ran."""

    __slots__ = ("dropped", "items", "key", "rest", "running")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.items: deque[T] = deque()
        self.running = False
        self.dropped = False
        self.rest = 0  # the number of its rest; 0 while it does not rest


class Lanes(Generic[T]):
    """Does `work(item)` for every item: those of one key in the order given, one at a time, up to `concurrency` keys at
    once; keys that are ready are served in turn, one item each.

    `work` returns None when the item is finished, or for how many seconds its key is to rest before the same item is
    tried again; a key that rests takes no place from others. At most `capacity` items are open. Items without a key
    (None) have a lane each. What `work` raises ends `run`, in an ExceptionGroup.
    """

    def __init__(
        self, work: Callable[[T], Awaitable[float | None]], *, concurrency: int = 16, capacity: int = 1_000,
        clock: Clock | None = None, name: str = "lanes",
    ) -> None:  # fmt: skip
        self._work = work
        self._concurrency = concurrency
        self._clock = clock or SystemClock()
        self.name = name
        self._lanes: dict[Hashable, Lane[T]] = {}  # those with something open or running
        self._ready: deque[Lane[T]] = deque()  # neither running nor resting; empty if its items were dropped since
        self._resting: list[tuple[float, int, Lane[T]]] = []  # a heap: until when, number; some are over early
        self._rests = 0
        self._running = 0
        self._places = Places(capacity)
        self._idle: deque[asyncio.Future[None]] = deque()
        self._earlier = asyncio.Event()
        self._quiet = asyncio.Event()

    @property
    def open(self) -> int:
        """How many items are neither finished nor dropped."""
        return self._places.taken

    # -- putting in

    def holds(self, key: Hashable) -> bool:
        """Whether anything of a key is open, or runs."""
        return key in self._lanes

    def try_put(self, key: Hashable, item: T) -> bool:
        """Put an item in, if there is room."""
        if not self._places.try_take():
            return False
        self._put(key, item)
        return True

    async def put(self, key: Hashable, item: T) -> None:
        """Put an item in once there is room; those who wait are served in turn. Cancelled, it has not put it in."""
        if not self._places.try_take():
            await self._places.take()
        self._put(key, item)

    def _put(self, key: Hashable, item: T) -> None:
        if key is None:
            key = object()
        lane = self._lanes.get(key)
        if lane is not None:
            lane.items.append(item)
            return
        lane = self._lanes[key] = Lane(key)
        lane.items.append(item)
        self._make_ready(lane)

    def _make_ready(self, lane: Lane[T]) -> None:
        self._ready.append(lane)
        while self._idle:
            worker = self._idle.popleft()
            if not worker.done():
                worker.set_result(None)
                return

    # -- working

    async def run(self) -> None:
        """Work until cancelled; what runs then is cancelled too, stays open, and is begun again by a later `run`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._wake_resting(), name=f"{self.name} rests")
            for number in range(self._concurrency):
                group.create_task(self._serve(), name=f"{self.name} {number}")

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        in_a_row = 0
        while True:
            while not self._ready:
                in_a_row = 0
                idle: asyncio.Future[None] = loop.create_future()
                self._idle.append(idle)
                await idle
            if in_a_row == IN_A_ROW:
                in_a_row = 0
                await asyncio.sleep(0)
                continue
            in_a_row += 1
            lane = self._ready.popleft()
            if lane.items:
                await self._next(lane)

    async def _next(self, lane: Lane[T]) -> None:
        lane.running = True
        self._running += 1
        rest: float | None = 0.0  # if it is cancelled or raises, the item is still to be done
        try:
            rest = await self._work(lane.items[0])
        finally:
            self._running -= 1
            self._ended(lane, rest)

    def _ended(self, lane: Lane[T], rest: float | None) -> None:
        lane.running = False
        if lane.dropped:
            lane.dropped = False
        elif rest is None:
            lane.items.popleft()
            self._places.give()
        elif rest > 0:
            self._rest(lane, rest)
            return
        if lane.items:
            self._make_ready(lane)
        else:
            del self._lanes[lane.key]
            self._tell_quiet()

    def _tell_quiet(self) -> None:
        if not self._running and not self.open:
            self._quiet.set()

    # -- resting

    def _rest(self, lane: Lane[T], seconds: float) -> None:
        self._rests += 1
        lane.rest = self._rests
        until = self._clock.monotonic() + seconds
        heapq.heappush(self._resting, (until, lane.rest, lane))
        if self._resting[0][1] == lane.rest:
            self._earlier.set()

    async def _wake_resting(self) -> None:
        while True:
            self._earlier.clear()
            now = self._clock.monotonic()
            while self._resting and self._resting[0][0] <= now:
                _, rest, lane = heapq.heappop(self._resting)
                if lane.rest == rest:
                    lane.rest = 0
                    self._make_ready(lane)
            if not self._resting:
                await self._earlier.wait()
                continue
            with suppress(TimedOut):
                await within(self._clock, self._resting[0][0] - now, self._earlier.wait())

    # -- giving up

    def drop(self, meant: Callable[[T], bool]) -> int:
        """Forget the items that are meant: those that wait or rest at once; one that runs is not interrupted, but not
        tried again, and its key has nothing else running until it ends. How many."""
        dropped = 0
        for lane in list(self._lanes.values()):
            stay = [not meant(item) for item in lane.items]
            if all(stay):
                continue
            dropped += stay.count(False)
            lane.items = deque(compress(lane.items, stay))
            if not stay[0]:
                self._lost_its_first(lane)
            if not lane.items and not lane.running:
                del self._lanes[lane.key]
        self._places.give(dropped)
        self._tell_quiet()
        return dropped

    def _lost_its_first(self, lane: Lane[T]) -> None:
        if lane.running:
            lane.dropped = True  # or it was another one, that ran, and that is gone already
        elif lane.rest:
            lane.rest = 0
            if lane.items:
                self._make_ready(lane)

    async def drain(self, timeout: float) -> bool:
        """Wait until nothing is open and nothing runs; False when that takes longer than `timeout` seconds."""
        try:
            await within(self._clock, timeout, self._until_quiet())
        except TimedOut:
            return False
        return True

    async def _until_quiet(self) -> None:
        while self.open or self._running:
            self._quiet.clear()
            await self._quiet.wait()

    @property
    def statistics(self) -> LaneStatistics:
        """How full it is now."""
        lanes = self._lanes.values()
        resting = sum(1 for lane in lanes if lane.rest)
        first = sum(1 for lane in lanes if lane.rest or (lane.running and not lane.dropped))
        waiting = sum(len(lane.items) for lane in lanes) - first
        return LaneStatistics(self._running, resting, waiting, self._places.limit)

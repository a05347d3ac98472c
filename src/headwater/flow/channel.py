"""A bounded queue between tasks of one event loop, with a stated answer to "what if it is full?"."""

import asyncio
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import Generic, NamedTuple, Self, TypeVar

from headwater.errors import ChannelClosed, Overloaded

T = TypeVar("T")
Waiters = deque[asyncio.Future[bool]]
"""Whoever waits: True promises what it waits for, False says that the channel was closed."""


class Overflow(Enum):
    """What `put` does while a channel is full."""

    WAIT = "wait"
    REFUSE = "refuse"
    """Raise Overloaded."""
    DROP_OLDEST = "drop the oldest"
    DROP_NEWEST = "drop the newest"
    """The item that is being put."""


class ChannelStatistics(NamedTuple):
    """`put`: taken in, whatever became of it; `dropped`: by the overflow policy; `refused`: with Overloaded."""

    depth: int
    capacity: int
    put: int
    taken: int
    dropped: int
    refused: int
    waiting_putters: int
    waiting_getters: int


class Channel(Generic[T]):
    """Items leave in the order in which they came in; those who wait to put, and to get, are served in theirs.

    An item is put when `put` returns, and only then; it is taken when `get` returns, and only then: cancelling either
    loses nothing and doubles nothing.

    Whoever waits is promised room or an item when it is woken, and moves the item itself when it runs. So an item never
    rests in a future, where a cancellation would have to dig it out, and nobody can be overtaken and wait again. A call
    that finds room, or an item that is promised to nobody, makes no future at all.
    """

    def __init__(self, name: str, capacity: int, overflow: Overflow = Overflow.WAIT) -> None:
        if capacity < 1:
            raise ValueError(f"channel {name!r} has a capacity of {capacity}; it needs one of at least 1")
        self.name = name
        self._capacity = capacity
        self._overflow = overflow
        self._items: deque[T] = deque()
        self._limit = capacity  # 0 while anybody waits, and once it is closed: the one check of a quick put
        self._floor = 0  # how many items a quick get leaves: those that are promised; all while putters wait
        self._closed = False
        self._putters: Waiters = deque()
        self._getters: Waiters = deque()
        self._rooms = 0  # promised to putters that are woken and have not run yet
        self._promised = 0  # items, to getters that are woken and have not run yet
        self._taken = self._evicted = self._declined = self._refused = 0

    # -- putting

    async def put(self, item: T) -> None:
        """Put an item in; when full, as the overflow policy says. Raises Overloaded (REFUSE) and ChannelClosed."""
        items = self._items
        if len(items) < self._limit:
            items.append(item)
        elif self._has_room():
            self._append(item)
        elif self._closed:
            raise ChannelClosed(self.name)
        elif self._overflow is Overflow.WAIT:
            await self._put_in_turn(item)
        else:
            await asyncio.sleep(0)  # else who only puts would keep all those away who could make room
            self.put_nowait(item)

    def put_nowait(self, item: T) -> None:
        """The same, without waiting: under WAIT, a full channel raises Overloaded, and so does one with a queue."""
        if self._has_room():
            self._append(item)
        else:
            self._overflowing(item)

    def _has_room(self) -> bool:
        """Whether an item may be put now, which is nobody else's turn."""
        return len(self._items) < self._capacity and not (self._putters or self._rooms or self._closed)

    def _append(self, item: T) -> None:
        self._items.append(item)
        if self._getters:
            self._promise_items()

    def _overflowing(self, item: T) -> None:
        if self._closed:
            raise ChannelClosed(self.name)
        if self._overflow is Overflow.DROP_NEWEST:
            self._declined += 1
        elif self._overflow is Overflow.DROP_OLDEST:
            self._items.popleft()
            self._evicted += 1
            self._append(item)
        else:
            self._refused += 1
            raise Overloaded(f"channel {self.name}", self._capacity)

    async def _put_in_turn(self, item: T) -> None:
        putter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._putters.append(putter)
        self._decide()
        try:
            promised = await putter
        except asyncio.CancelledError:
            self._rooms -= _was_promised(putter, self._putters)
            self._promise_rooms()
            raise
        self._rooms -= promised
        if self._closed:
            raise ChannelClosed(self.name)
        self._append(item)
        self._promise_rooms()

    def _promise_rooms(self) -> None:
        """Wake as many putters as there is room for; with none left, whoever comes need not queue."""
        putters = self._putters
        while putters and len(self._items) + self._rooms < self._capacity:
            putter = putters.popleft()
            if not putter.done():
                self._rooms += 1
                putter.set_result(True)
        self._decide()

    def _decide(self) -> None:
        """Who may be quick from now on."""
        alone = not (self._putters or self._rooms or self._getters or self._closed)
        self._limit = self._capacity if alone else 0
        self._floor = self._capacity if self._putters else self._promised

    # -- getting

    async def get(self) -> T:
        """The oldest item, once there is one. Raises ChannelClosed when it is closed and nothing is left."""
        items = self._items
        if len(items) > self._floor:
            self._taken += 1
            return items.popleft()
        if len(items) <= self._promised:
            await self._turn()
        self._taken += 1
        item = items.popleft()
        if self._putters:
            self._promise_rooms()
        return item

    async def get_many(self, limit: int) -> list[T]:
        """The oldest items, at most `limit` (from 1); waits for the first only. Raises ChannelClosed like `get`."""
        if limit < 1:
            raise ValueError(f"{limit} items of channel {self.name!r} were asked for; ask for at least 1")
        items = self._items
        if len(items) <= self._promised:
            await self._turn()
        count = min(limit, len(items) - self._promised)
        if count == len(items):
            found = list(items)
            items.clear()
        else:
            found = [items.popleft() for _ in range(count)]
        self._taken += count
        if self._putters:
            self._promise_rooms()
        return found

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except ChannelClosed:
            raise StopAsyncIteration from None

    async def _turn(self) -> None:
        """Wait until an item is there for this getter, which takes it at once."""
        while not self._closed:
            getter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            self._decide()
            try:
                promised = await getter
            except asyncio.CancelledError:
                self._promised -= _was_promised(getter, self._getters)
                self._promise_items()
                raise
            if promised:
                self._promised -= 1
                self._decide()
                return
        while self._items and len(self._items) <= self._promised:  # noqa: ASYNC110
            await asyncio.sleep(0)  # those who are woken run now; one that is cancelled leaves its item
        if not self._items:
            raise ChannelClosed(self.name)

    def _promise_items(self) -> None:
        """Wake as many getters as there are items that are promised to nobody."""
        getters = self._getters
        while getters and len(self._items) > self._promised:
            getter = getters.popleft()
            if not getter.done():
                self._promised += 1
                getter.set_result(True)
        self._decide()

    # -- the end

    def close(self) -> None:
        """No more is put: whoever waits to do so gets ChannelClosed, and getters too once nothing is left. Twice is
        harmless."""
        self._closed = True
        for waiters in (self._putters, self._getters):
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(False)
            waiters.clear()
        self._decide()

    def statistics(self) -> ChannelStatistics:
        """How full it is, who waits, and what went through so far."""
        depth = len(self._items)
        return ChannelStatistics(
            depth, self._capacity, depth + self._taken + self._evicted, self._taken, self._evicted + self._declined,
            self._refused, len(self._putters) + self._rooms, len(self._getters) + self._promised,
        )  # fmt: skip


def _was_promised(waiter: "asyncio.Future[bool]", waiters: Waiters) -> bool:
    """Whether a waiter that is cancelled had a promise to give back; it waits no more."""
    if waiter.cancelled():
        with suppress(ValueError):
            waiters.remove(waiter)
        return False
    return waiter.result()

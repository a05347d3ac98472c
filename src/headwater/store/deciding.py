"""Deciding on a stream where a store cannot do it inside the append's own transaction: optimistically."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from headwater.errors import Conflict, IdReused
from headwater.flow.retry import full_jitter
from headwater.messages import Appended, Batch, Write
from headwater.store.port import LOAD_LIMIT, Decision, EventStore, check_reached

T = TypeVar("T")

ATTEMPTS = 10
BACKOFF = 0.004  # seconds: the longest wait before the second attempt; doubled for each further one
BACKOFF_CAP = 0.25


async def against_conflicts(attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` returns, tried up to 10 times while others are first. Raises the last Conflict, and IdReused."""
    for number in range(1, ATTEMPTS):
        try:
            return await attempt()
        except IdReused:
            raise
        except Conflict:
            # Of the machine's time: a clock that stands still must not hold up commands.
            await asyncio.sleep(full_jitter(number, BACKOFF, BACKOFF_CAP))
    return await attempt()


class Turns:
    """One at a time for each stream, within this process: nobody loses to a neighbour."""

    def __init__(self) -> None:
        self._queues: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, stream: str) -> AsyncIterator[None]:
        """Wait for this stream's turn, and have it until the block ends."""
        queue = self._queues.setdefault(stream, asyncio.Lock())
        self._waiting[stream] += 1
        try:
            async with queue:
                yield
        finally:
            self._waiting[stream] -= 1
            if not self._waiting[stream]:
                del self._waiting[stream], self._queues[stream]


async def decide_optimistically(
    store: EventStore, stream: str, decision: Decision, *, after: int = 0, id: str = "", fingerprint: str = ""
) -> Appended:
    """`EventStore.decide` by loading, deciding and appending at the version that was loaded."""

    async def attempt() -> Appended:
        if id and (first := await store.find_append(id, fingerprint)):
            return first
        batches = await _load_all(store, stream, after)
        events = decision(batches)
        if events:
            write = Write(stream, events, batches[-1].version)
            return await store.append(write, id=id, fingerprint=fingerprint)
        last = max(batch.position for batch in batches)
        return Appended(last + 1, last, (batches[-1].version,))

    return await against_conflicts(attempt)


async def _load_all(store: EventStore, stream: str, after: int) -> list[Batch]:
    """All events of a stream after a version: at least one batch, of which the last may be empty. Raises BadInput."""
    batches = [await store.load(stream, after=after)]
    if after and not batches[0].count:
        last = await store.load(stream, after=after - 1, limit=1)
        check_reached(stream, after - 1 + last.count, after)
        return [msgspec.structs.replace(batches[0], position=last.position)]
    while batches[-1].count == LOAD_LIMIT:
        batches.append(await store.load(stream, after=batches[-1].version))
    return batches

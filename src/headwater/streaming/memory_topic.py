"""One topic in memory: its records, its groups, and the ids that it remembers."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from headwater.clock import Clock
from headwater.errors import BadInput, StoreClosed, UnknownType
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset
from headwater.streaming.memory_group import MemoryGroup
from headwater.streaming.memory_log import Log
from headwater.streaming.placing import has_ids, place, place_once
from headwater.streaming.records import Confirmed

ADDRESS = "memory:"
WINDOW = 120.0
"""For so many seconds an id is remembered."""


class MemoryTopic:
    """A topic with all that belongs to it. Everything happens at once, between two steps of the event loop."""

    def __init__(self, topic: Topic, clock: Clock) -> None:
        self.topic = topic
        self.groups: dict[str, MemoryGroup] = {}
        self.ended: Exception | None = None
        self._clock = clock
        self._logs = [Log(topic.name, partition) for partition in range(topic.partitions)]
        self._turn = 0
        self._ids: dict[str, tuple[int, Offset]] = {}
        self._forget: deque[tuple[int, Sequence[str]]] = deque()  # when ids were published, and which
        self._waiters: set[asyncio.Future[None]] = set()

    # -- publishing

    def publish(self, records: Sequence[NewRecord]) -> list[Confirmed]:
        """Add the records of a publish; where they lie."""
        now = self._clock.now()
        self._forget_ids(now)
        publish = self._publish_once if has_ids(records) else self._publish
        done = publish(records, now)
        self.notify()
        return done

    def _publish(self, records: Sequence[NewRecord], now: int) -> list[Confirmed]:
        def append(partition: int, share: Sequence[NewRecord]) -> Offset:
            start = self._logs[partition].append(share, now)
            self._logs[partition].retain(self.topic, now)
            return start

        self._turn += len(records)
        return place(self.topic, records, self._turn - len(records), append)

    def _publish_once(self, records: Sequence[NewRecord], now: int) -> list[Confirmed]:
        """Leave out what was published under its id before, or comes twice here."""
        done, new = place_once(records, self._ids, lambda fresh: self._publish(fresh, now))
        self._ids |= new
        self._forget.append((now, list(new)))
        return done

    def _forget_ids(self, now: int) -> None:
        while self._forget and self._forget[0][0] < now - WINDOW * 1_000_000:
            for id in self._forget.popleft()[1]:
                del self._ids[id]

    # -- as its groups see it

    def check(self) -> None:
        if self.ended:
            raise self.ended

    def log(self, partition: int) -> Log:
        """The records of a partition, without those that are too old. Raises BadInput."""
        if not 0 <= partition < len(self._logs):
            raise BadInput(f"topic {self.topic.name!r} has partitions 0 to {len(self._logs) - 1}, no {partition}")
        self._logs[partition].retain(self.topic, self._clock.now())
        return self._logs[partition]

    def logs(self) -> Iterable[Log]:
        """Those of all partitions, in order."""
        return map(self.log, range(len(self._logs)))

    def now(self) -> float:
        return self._clock.monotonic()

    def notify(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def changed(self, timeout: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(max(timeout, 0) if timeout != float("inf") else None):
                await waiter
        except TimeoutError:
            pass
        finally:
            self._waiters.discard(waiter)

    # -- life

    def remove(self) -> None:
        """The topic is no more: whoever waits is told."""
        self.ended = UnknownType("topic", self.topic.name)
        self.notify()

    def close(self) -> None:
        """The broker is closed: whoever waits is told."""
        self.ended = StoreClosed(ADDRESS)
        self.notify()

"""Groups and their members in memory."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from headwater.errors import StoreClosed
from headwater.messages import Record
from headwater.streaming.leases import Lease, step
from headwater.streaming.memory_log import Log
from headwater.streaming.records import Assigned, Group, Lag, Progress
from headwater.streaming.seat import Seat


class Place(Protocol):
    """The topic, as its groups see it."""

    def check(self) -> None:
        """Raises StoreClosed, UnknownType when the topic is no more."""

    def log(self, partition: int) -> Log:
        """The records of a partition, without those that are too old."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""

    def notify(self) -> None:
        """Wake all who wait for a change."""

    async def changed(self, timeout: float) -> None:
        """Return at the next change, or after so many seconds."""


class MemoryGroup:
    """Who of a group has what. A member is alive from its joining to its leaving: they all live in this process."""

    def __init__(self, name: str, partitions: int) -> None:
        self.name = name
        self.paused = False
        self.progress = dict.fromkeys(range(partitions), Progress(0))
        self._leases = dict.fromkeys(range(partitions), Lease())
        self._drains: dict[str, float] = {}
        self._due: dict[int, float] = {}  # partitions that are to be handed over, and until when
        self._stirred = False  # somebody came or went, or handed something over
        self.version = 0
        """Changes whenever anybody's partitions may have."""

    def join(self, member: str, drain: float) -> None:
        """Be a member from now on."""
        self._drains[member] = drain
        self._stirred = True

    def leave(self, member: str) -> None:
        """Be a member no more, and have nothing."""
        self._drains.pop(member, None)
        self.release(member, {p: lease.epoch for p, lease in self._leases.items()})

    def release(self, member: str, generations: Mapping[int, int]) -> None:
        """Free those of these partitions that the member has under these generations."""
        for partition, generation in generations.items():
            if self.owns(member, partition, generation):
                self._leases[partition] = self._leases[partition].freed()
        self._stirred = True

    def owns(self, member: str, partition: int, generation: int) -> bool:
        """Whether a member has a partition under this generation."""
        return self._leases[partition] == Lease(member, generation)

    def settle(self, now: float) -> None:
        """Share out what is free; ask for what is to be handed over, and take it away when its time is over."""
        if not self._stirred and now < self.next_due():
            return
        self._stirred = False
        self.version += 1
        for partition in [p for p, until in self._due.items() if until <= now]:
            del self._due[partition]
            self._leases[partition] = self._leases[partition].freed()
        steps = {name: step(name, self._drains, self._leases) for name in self._drains}
        for name, todo in steps.items():
            self._leases |= {p: self._leases[p].taken(name) for p in todo.take}
        asked = {p: now + self._drains[name] for name, todo in steps.items() for p in todo.leaving}
        self._due = {p: self._due.get(p, until) for p, until in asked.items()}

    def held(self, member: str) -> dict[int, Assigned]:
        """What a member has."""
        owned = ((p, lease) for p, lease in self._leases.items() if lease.owner == member)
        return {p: Assigned(lease.epoch, self.progress[p]) for p, lease in owned}

    def leaving(self, member: str) -> set[int]:
        """What of that it is to hand over."""
        return {p for p in self._due if self._leases[p].owner == member}

    def next_due(self) -> float:
        """When the next partition is taken away."""
        return min(self._due.values(), default=float("inf"))

    def standing(self, topic: str, log: Callable[[int], Log]) -> Group:
        """How far the group is behind."""
        lags = []
        for partition, (next, _) in sorted(self.progress.items()):
            records = log(partition)
            left = max(records.end - max(next, records.first), 0)
            lags.append(Lag(partition, next, records.end, left, self._leases[partition].owner))
        return Group(topic, self.name, self.paused, lags)


class MemoryMember:
    """Member of a MemoryGroup."""

    def __init__(self, name: str, address: str, place: Place, group: MemoryGroup) -> None:
        self.name = name
        self._address = address
        self._place = place
        self._group = group
        self._seat = Seat()
        self._left = False
        self._version = -1

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        return self._seat.assigned

    @property
    def leaving(self) -> Collection[int]:
        return self._seat.leaving

    async def fetch(self, limit: int, *, timeout: float) -> list[Record]:
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        await asyncio.sleep(0)  # as with any broker, others get on in between
        while True:
            self._check()
            if self._reassigned():
                return []
            if (records := self._next(limit)) or now() >= give_up:
                return records
            await self._place.changed(min(give_up - now(), self._group.next_due() - self._place.now()))

    def _check(self) -> None:
        self._place.check()
        if self._left:
            raise StoreClosed(self._address, "this member has left its group")

    def _reassigned(self) -> bool:
        self._group.settle(self._place.now())
        if self._version == self._group.version:
            return False
        self._version = self._group.version
        return self._seat.sync(self._group.held(self.name), self._group.leaving(self.name))

    def _next(self, limit: int) -> list[Record]:
        found: list[Record] = []
        for partition, start in self._seat.wanted() if not self._group.paused else ():
            more = self._place.log(partition).read(start, limit - len(found))
            if more:
                self._seat.fetched(partition, more[-1].offset + 1)
                found = found + more if found else more
            if len(found) >= limit:
                break
        return found

    async def commit(self, progress: Mapping[int, Progress]) -> None:
        self._place.check()
        for partition, reached in progress.items():
            generation = self._seat.generation(partition)
            mine = generation is not None and self._group.owns(self.name, partition, generation)
            if mine and reached.next >= self._group.progress[partition].next:
                self._group.progress[partition] = reached

    def pause(self, partition: int) -> None:
        self._seat.pause(partition)

    def resume(self, partition: int) -> None:
        self._seat.resume(partition)

    async def release(self, partitions: Collection[int]) -> None:
        self._place.check()
        self._group.release(self.name, self._seat.drop(partitions))
        self._place.notify()

    async def leave(self) -> None:
        self.end()
        self._place.notify()

    def end(self) -> None:
        """Leave at once."""
        self._left = True
        self._seat.sync({})
        self._group.leave(self.name)

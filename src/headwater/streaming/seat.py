"""A member's own side of its assignments: what it has, where it goes on in each, and what it leaves out."""

from collections.abc import Collection, Mapping

from headwater.messages import Offset
from headwater.streaming.records import Assigned


class Seat:
    """What a member sees. The broker tells it what the member holds by `sync`; nothing changes behind its back."""

    def __init__(self) -> None:
        self._assigned: dict[int, Assigned] = {}
        self._next: dict[int, Offset] = {}
        self._paused: set[int] = set()
        self._leaving: frozenset[int] = frozenset()

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        """What the member has been told that it has."""
        return dict(self._assigned)

    @property
    def leaving(self) -> Collection[int]:
        """What of that it is to hand over."""
        return self._leaving

    def sync(self, held: Mapping[int, Assigned], leaving: Collection[int] = ()) -> bool:
        """Take over what is held now, and what of it is leaving; whether that is any different."""
        before = {p: each.generation for p, each in self._assigned.items()}, self._leaving
        for partition in list(self._assigned):
            if partition not in held or held[partition].generation != self._assigned[partition].generation:
                self._forget(partition)
        for partition, assigned in held.items():
            if partition not in self._assigned:
                self._assigned[partition] = assigned
                self._next[partition] = assigned.progress.next
        self._leaving = frozenset(leaving) & self._assigned.keys()
        return before != ({p: each.generation for p, each in self._assigned.items()}, self._leaving)

    def drop(self, partitions: Collection[int]) -> dict[int, int]:
        """Have these partitions no more; the generations of those that there were."""
        found = {p: self._assigned[p].generation for p in partitions if p in self._assigned}
        for partition in found:
            self._forget(partition)
        return found

    def generation(self, partition: int) -> int | None:
        """Under which generation the member has a partition; None if it has not."""
        assigned = self._assigned.get(partition)
        return assigned.generation if assigned else None

    def pause(self, partition: int) -> None:
        """Leave a partition out."""
        if partition in self._assigned:
            self._paused.add(partition)

    def resume(self, partition: int) -> None:
        """Do not leave it out any longer."""
        self._paused.discard(partition)

    def wanted(self) -> list[tuple[int, Offset]]:
        """The partitions to fetch from, the longest waiting first, and where to go on in each."""
        return [each for each in self._next.items() if each[0] not in self._paused and each[0] not in self._leaving]

    def fetched(self, partition: int, next: Offset) -> None:
        """Records before `next` were handed out: the partition waits behind the others."""
        del self._next[partition]
        self._next[partition] = next

    def _forget(self, partition: int) -> None:
        del self._assigned[partition], self._next[partition]
        self._paused.discard(partition)
        self._leaving -= {partition}

"""Who has which partition, as pure functions: for brokers that keep groups of members in a table of leases.

Every member looks at the same two tables, of beats and of leases, and works out for itself what it may do; the lease
that it changes must still be the one that it saw (in a transaction, or by its revision). Where they cannot be read as
of one moment, the leases are read before the beats: an owner has always beaten before it took anything.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple


class Beat(NamedTuple):
    """A member's sign of life: a number that it raises again and again, and for how many seconds it may stand still."""

    number: int
    session: float


class Lease(NamedTuple):
    """Who has a partition ('' for nobody), and for the how-many-eth time it was taken: a commit under an older epoch is
    refused."""

    owner: str = ""
    epoch: int = 0

    def taken(self, member: str) -> "Lease":
        """The lease once a member has taken it."""
        return Lease(member, self.epoch + 1)

    def freed(self) -> "Lease":
        """The lease once its owner has handed it over."""
        return Lease("", self.epoch)


class Step(NamedTuple):
    """What one member may do now: free partitions that it takes, and those of its own that it is to hand over."""

    take: tuple[int, ...]
    leaving: tuple[int, ...]


class Observer:
    """Holds a member for dead whose beat has not changed for its session, by the observer's own clock: neither a jump
    of the wall clock nor one that goes wrong elsewhere kills anybody.

    It beats after the number was written, as seen from here: a member that gives up when its own beats have failed for
    a session, counted from before it wrote the last one that did not, does so before anybody takes its partitions.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def alive(self, beats: Mapping[str, Beat], now: float) -> set[str]:
        """Which members are alive. `now` is in seconds of a monotonic clock, and never less than before."""
        known = self._seen
        self._seen = {
            name: known[name] if name in known and known[name][0] == beat.number else (beat.number, now)
            for name, beat in beats.items()
        }
        return {name for name, beat in beats.items() if now - self._seen[name][1] < beat.session}


def shares(alive: Collection[str], leases: Mapping[int, Lease]) -> dict[int, str]:
    """Who is to have each partition: nobody more than one more than another, and as few as can be change hands.

    The same for everybody who sees the same. Raises nothing; with nobody alive nobody has any.
    """
    if not alive:
        return {}
    held: dict[str, list[int]] = {name: [] for name in sorted(alive)}
    for partition in sorted(leases):
        if leases[partition].owner in held:
            held[leases[partition].owner].append(partition)
    each, more = divmod(len(leases), len(held))
    ranked = sorted(held, key=lambda name: -len(held[name]))  # those who have the most keep the one more
    quota = {name: each + (rank < more) for rank, name in enumerate(ranked)}
    kept = {partition: name for name in ranked for partition in held[name][: quota[name]]}
    wanting = [name for name in ranked for _ in range(quota[name] - len(held[name]))]
    return kept | dict(zip(_others(leases, kept), wanting, strict=True))


def _others(leases: Mapping[int, Lease], kept: Mapping[int, str]) -> Sequence[int]:
    return [partition for partition in sorted(leases) if partition not in kept]


def step(me: str, alive: Collection[str], leases: Mapping[int, Lease]) -> Step:
    """What I may do now. I am alive, whatever is seen of me. A partition is free if nobody alive has it."""
    alive = {*alive, me}
    planned = shares(alive, leases)
    mine = {partition for partition, name in planned.items() if name == me}
    take = (p for p, lease in leases.items() if p in mine and lease.owner not in alive)
    leaving = (p for p, lease in leases.items() if p not in mine and lease.owner == me)
    return Step(tuple(sorted(take)), tuple(sorted(leaving)))

"""What a member holds of a topic, as its thread and its event loop both see it."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from headwater.messages import Record
from headwater.streaming.records import Assigned, Progress

MANY, FEW = 2_000, 500  # records of a partition that wait to be fetched: more are not asked for, until there are few
LARGE, SMALL = 16 * 1024 * 1024, 4 * 1024 * 1024  # bytes of those


class Share:
    """A partition that a member has. The thread puts records in, the loop takes them out."""

    def __init__(self, assigned: Assigned) -> None:
        self.assigned = assigned
        self.reached = assigned.progress  # how far the group has come; the thread's
        self.next = assigned.progress.next  # where reading goes on; the thread's
        self._records: deque[Record] = deque()
        self._put = self._taken = 0  # bytes; each is written by one side only

    def put(self, records: list[Record]) -> None:
        """Let records wait to be fetched."""
        self.next = records[-1].offset + 1
        self._put += sum(len(record.value) for record in records)
        self._records.extend(records)

    def take(self, limit: int) -> list[Record]:
        """The next records, at most so many."""
        waiting = self._records
        found = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
        self._taken += sum(len(record.value) for record in found)
        return found

    @property
    def full(self) -> bool:
        """Whether enough records wait."""
        return len(self._records) >= MANY or self._put - self._taken >= LARGE

    @property
    def low(self) -> bool:
        """Whether there is room again."""
        return len(self._records) <= FEW and self._put - self._taken <= SMALL


class Standing(NamedTuple):
    """What a member has now, and what of it is to be handed over."""

    shares: Mapping[int, Share]
    leaving: frozenset[int]


NOTHING = Standing({}, frozenset())


class Mark(NamedTuple):
    """What is said with a commit: how often the partition was assigned so far, to whom ('': to nobody now), and what is
    done beyond the offset."""

    generation: int
    member: str
    done: str

    def text(self) -> str:
        """As it is kept."""
        return f"{self.generation} {self.member} {self.done}"


def mark(text: str | None) -> Mark:
    """What was said with a commit. With one of somebody else's, nothing."""
    parts = (text or "").split(" ", 2)
    if len(parts) != 3 or not parts[0].isdecimal():
        return Mark(0, "", "")
    return Mark(int(parts[0]), parts[1], parts[2])


def assigned(offset: int, said: Mark) -> Assigned:
    """What a partition's next owner begins with: a generation of its own, where the group has come to."""
    return Assigned(said.generation + 1, Progress(max(offset, 0), said.done if offset >= 0 else ""))

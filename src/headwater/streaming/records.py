"""Where records lie in a topic, and how far a group has worked them off."""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from headwater.fold import Topic
from headwater.messages import NewRecord, Offset


class Confirmed(NamedTuple):
    """Where a published record lies. `repeated`: its id was published before, and that one stands for it."""

    partition: int
    offset: Offset
    repeated: bool = False


class Progress(NamedTuple):
    """How far a group has worked off a partition: everything before `next`, and what `done` tells beyond that (in the
    form of headwater.flow.tracker's encode_ranges, at most MAX_DONE characters)."""

    next: Offset
    done: str = ""


class Assigned(NamedTuple):
    """A partition that a member has: since which of its own assignments (`generation` grows with each), and how far
    the group had come then."""

    generation: int
    progress: Progress


class Lag(NamedTuple):
    """How far a group is behind on a partition: `committed` is the next offset to work off, `end` the next to be
    published, `records` how many lie between, `member` who has the partition ('' for nobody)."""

    partition: int
    committed: Offset
    end: Offset
    records: int
    member: str = ""


class Group(NamedTuple):
    """A group of a topic and where it stands."""

    topic: str
    name: str
    paused: bool
    lags: Sequence[Lag]

    @property
    def records(self) -> int:
        """How many records it has still to work off."""
        return sum(lag.records for lag in self.lags)


def partition_of(record: NewRecord, partitions: int, turn: int) -> int:
    """Which partition a record goes to: by its key; without one by its id, so that a repetition meets the first; with
    neither in turn. The same for all brokers and all processes, for ever: CRC-32 of the UTF-8 key, modulo."""
    name = record.key if record.key is not None else record.id or None
    return turn % partitions if name is None else zlib.crc32(name.encode()) % partitions


def split(topic: Topic, records: Sequence[NewRecord], turn: int) -> dict[int, list[int]]:
    """The records' indexes by partition, in order."""
    partitions, hashed = topic.partitions, zlib.crc32
    if partitions == 1:
        return {0: list(range(len(records)))} if records else {}
    shares: defaultdict[int, list[int]] = defaultdict(list)
    for index, record in enumerate(records):  # one of the costs of every record: `partition_of`, without the call
        if (name := record.key) is not None or (name := record.id):
            shares[hashed(name.encode()) % partitions].append(index)
        else:
            shares[(turn + index) % partitions].append(index)
    return shares

"""The records of one partition in memory."""

from collections import deque
from collections.abc import Sequence
from itertools import repeat

from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record


class Log:
    """Records from offset `first` on, without gaps; those of one call of `append` were published together.

    Removed records are passed over at once and let go in large pieces: the front of a long list is costly to cut.
    """

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = topic
        self._partition = partition
        self._records: list[Record] = []
        self._cut: Offset = 0  # how many records are not in the list any more
        self.first: Offset = 0
        self._ages: deque[tuple[int, Offset]] = deque()  # when records were published, and the end after that
        self._weighed: Offset = 0
        self._bytes = 0  # of the records from `first` up to `_weighed`

    @property
    def end(self) -> Offset:
        """The offset of the next record to come."""
        return self._cut + len(self._records)

    def append(self, records: Sequence[NewRecord], now: int) -> Offset:
        """Add records; the offset of the first."""
        start = self.end
        offsets = range(start, start + len(records))
        columns = (  # each by itself: the interpreter is quickest at this
            [record.key for record in records],
            [record.value for record in records],
            [record.id for record in records],
            [record.headers for record in records],
            [record.time or now for record in records],
        )
        self._records += map(Record, repeat(self._topic), repeat(self._partition), offsets, *columns)
        self._ages.append((now, self.end))
        return start

    def read(self, start: Offset, limit: int) -> list[Record]:
        """Up to `limit` records from an offset on, or from the first that is still there."""
        index = max(start, self.first) - self._cut
        return self._records[index : index + max(limit, 0)]

    def retain(self, topic: Topic, now: int) -> None:
        """Remove what the topic's limits say; of those by size, never the last record."""
        if topic.max_age is not None:
            oldest = now - round(topic.max_age.total_seconds() * 1_000_000)
            while self._ages and self._ages[0][0] < oldest:
                self._remove(self._ages.popleft()[1])
        if topic.max_bytes is not None:
            self._weigh()
            self._remove(self._light_enough(topic.max_bytes))
        if topic.max_age is None and len(self._ages) > 1:
            last = self._ages.pop()
            self._ages.clear()  # nobody asks, and should one do so later, all are as young as the last
            self._ages.append(last)

    def _weigh(self) -> None:
        index = max(self._weighed, self.first) - self._cut
        self._bytes += sum(map(_size, self._records[index:]))
        self._weighed = self.end

    def _light_enough(self, max_bytes: int) -> Offset:
        """From which offset on the records are no more than that, the last one left out of account."""
        excess, offset = self._bytes - max_bytes, self.first
        while excess > 0 and offset < self.end - 1:
            excess -= _size(self._records[offset - self._cut])
            offset += 1
        return offset

    def _remove(self, before: Offset) -> None:
        if before <= self.first:
            return
        weighed = self._records[self.first - self._cut : max(min(before, self._weighed), self.first) - self._cut]
        self._bytes -= sum(map(_size, weighed))
        self.first = before
        if self.first - self._cut > len(self._records) // 2:
            del self._records[: self.first - self._cut]
            self._cut = self.first


def _size(record: Record) -> int:
    return len(record.value) + len(record.key or "")

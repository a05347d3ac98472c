"""Removing old records, and forgetting old ids: a little with every publish."""

from collections.abc import Iterable
from typing import NamedTuple

import apsw

from headwater.adapters.sqlite.broker_chunks import OFFSET_BITS, lane, place, size, unpack
from headwater.adapters.sqlite.broker_topics import Found
from headwater.fold import Topic
from headwater.messages import Offset, Record

WINDOW = 600.0
"""For so many seconds an id is remembered."""
STEP = 100  # chunks, or ids, that are removed at once, beyond as many as came


class Retention:
    """Works inside the broker's write transactions. Each call does a bounded amount."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def work(self, topics: Iterable[Found], now: int, ids: int = 0) -> None:
        """Keep these topics within their limits; forget ids, if so many came; remove what removed topics left."""
        for topic in topics:
            if topic.topic.max_age is not None or topic.topic.max_bytes is not None:
                for partition in range(topic.topic.partitions):
                    self._retain(topic.topic, lane(topic.id, partition), now)
        if ids:
            self._forget(ids + STEP, now)
        self.sweep()

    def _retain(self, topic: Topic, number: int, now: int) -> None:
        row = self._connection.execute("SELECT first, next, bytes FROM lane WHERE lane = ?", (number,)).fetchone()
        first, next, total = row or (0, 0, 0)
        oldest = 0 if topic.max_age is None else now - round(topic.max_age.total_seconds() * 1_000_000)
        excess = 0 if topic.max_bytes is None else total - topic.max_bytes
        kept, lost = first, 0
        rows = self._connection.execute(
            "SELECT place, count, time, bytes, data FROM chunk WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
            (place(number, first), place(number, next), STEP),
        )
        for last, count, time, full, data in rows:
            old = time < oldest
            if not old and lost >= excess:
                break
            chunk = _Chunk(_offset(last) + 1 - count, _offset(last) + 1, full, data)
            kept, size = chunk.all_from(kept) if old else chunk.enough(kept, excess - lost, next - 1)
            lost += size
            if kept < chunk.end:
                break
        if kept > first:
            self._remove(number, kept, lost)

    def _remove(self, number: int, before: Offset, lost: int) -> None:
        self._connection.execute("UPDATE lane SET first = ?, bytes = bytes - ? WHERE lane = ?", (before, lost, number))
        self._connection.execute(
            "DELETE FROM chunk WHERE place BETWEEN ? AND ?", (place(number, 0), place(number, before) - 1)
        )

    def _forget(self, count: int, now: int) -> None:
        """Forget up to so many of the oldest ids, if they are out of the window."""
        oldest = now - round(WINDOW * 1_000_000)
        time = self._connection.execute("SELECT time FROM seen ORDER BY number LIMIT 1").get
        if time is not None and time < oldest:
            self._connection.execute(
                "DELETE FROM seen WHERE number IN (SELECT number FROM seen ORDER BY number LIMIT ?) AND time < ?",
                (count, oldest),
            )

    def sweep(self) -> None:
        """Remove some records of removed topics."""
        number = self._connection.execute("SELECT lane FROM lane WHERE removed LIMIT 1").get
        if number is None:
            return
        within = place(number, 0), place(number + 1, 0) - 1
        self._connection.execute(
            "DELETE FROM chunk WHERE place IN (SELECT place FROM chunk WHERE place BETWEEN ? AND ? LIMIT ?)",
            (*within, STEP),
        )
        if not self._connection.execute("SELECT 1 FROM chunk WHERE place BETWEEN ? AND ? LIMIT 1", within).get:
            self._connection.execute("DELETE FROM lane WHERE lane = ?", (number,))


def _offset(place: int) -> Offset:
    return place & ((1 << OFFSET_BITS) - 1)


class _Chunk(NamedTuple):
    """Records from offset `begin` up to `end`, packed."""

    begin: Offset
    end: Offset
    size: int
    data: bytes

    def all_from(self, kept: Offset) -> tuple[Offset, int]:
        """All records from offset `kept` on are to go: how far that is, and how many bytes."""
        if kept <= self.begin:
            return self.end, self.size
        return self.end, sum(size(record) for record in self._records(kept))

    def enough(self, kept: Offset, excess: int, last: Offset) -> tuple[Offset, int]:
        """Of the records from offset `kept` on so many are to go that `excess` is gone, but not the one at `last`: how
        far that is, and how many bytes."""
        if kept <= self.begin and self.size <= excess and self.end <= last:
            return self.end, self.size
        going = 0
        for record in self._records(kept):
            if going >= excess or record.offset == last:
                return record.offset, going
            going += size(record)
        return self.end, going

    def _records(self, kept: Offset) -> list[Record]:
        return unpack("", 0, range(self.begin, self.end), 0, self.data)[max(kept - self.begin, 0) :]

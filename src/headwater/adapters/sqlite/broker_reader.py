"""Reading records from a SQLite broker's chunks."""

from collections.abc import Callable

import apsw

from headwater.adapters.sqlite.broker_chunks import OFFSET_BITS, lane, place, unpack
from headwater.adapters.sqlite.broker_topics import Found
from headwater.messages import Offset, Record

_CHUNKS = "SELECT place, count, time, data FROM chunk WHERE place BETWEEN ? AND ? ORDER BY place"


def read_chunks(
    connection: apsw.Connection, topic: Found, partition: int, start: Offset, next: Offset, limit: int
) -> list[Record]:
    """Records from `start` on and before `next`: at least `limit` if there are so many, and all of the last chunk."""
    number = lane(topic.id, partition)
    found: list[Record] = []
    if start >= next:
        return found
    for last, count, time, data in connection.execute(_CHUNKS, (place(number, start), place(number, next) - 1)):
        end = (last & ((1 << OFFSET_BITS) - 1)) + 1
        first = end - count
        records = unpack(topic.topic.name, partition, range(first, end), time, data)
        found += records[start - first :] if start > first else records
        if len(found) >= limit:
            break
    return found


class Ahead:
    """Reads a member's partitions on, a whole chunk at a time, and keeps what is more than was asked for."""

    def __init__(self, connection: Callable[[], apsw.Connection]) -> None:
        self._connection = connection
        self._kept: dict[int, list[Record]] = {}

    def read(self, topic: Found, partition: int, start: Offset, next: Offset, limit: int) -> list[Record]:
        """Up to `limit` records from `start` on."""
        found = self._kept.pop(partition, [])
        if not found or found[0].offset != start:
            found = read_chunks(self._connection(), topic, partition, start, next, limit)
        if len(found) > limit:
            self._kept[partition] = found[limit:]
        return found[:limit]

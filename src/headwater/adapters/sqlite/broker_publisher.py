"""Publishing inside the broker's write transactions: records wait in memory until the transaction's end, and are then
written in chunks."""

import json
from collections.abc import Sequence
from functools import partial

import apsw

from headwater.adapters.sqlite.broker_chunks import lane, pack_all, place
from headwater.adapters.sqlite.broker_retention import Retention
from headwater.adapters.sqlite.broker_topics import Found, find_topic
from headwater.clock import Clock
from headwater.messages import NewRecord, Offset
from headwater.streaming import placing
from headwater.streaming.port import check_records
from headwater.streaming.records import Confirmed

Lies = tuple[int, Offset]


class _Lane:
    """A partition in a transaction: where it ends, and what is to be written."""

    def __init__(self, number: int, next: Offset) -> None:
        self.number = number
        self.next = next
        self.records: list[NewRecord] = []

    def append(self, records: Sequence[NewRecord]) -> Offset:
        start = self.next
        self.records += records
        self.next += len(records)
        return start


class Publisher:
    """Takes records in. What it knows holds until its transaction ends, whichever way."""

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._retention = Retention(connection)
        self._turn = 0
        self.begin()

    def begin(self) -> None:
        """A transaction begins: others may have written since the last."""
        self._topics: dict[str, Found] = {}
        self._lanes: dict[int, _Lane] = {}
        self._ids: dict[int, dict[str, Lies]] = {}
        self._now = self._clock.now()

    def publish(self, name: str, records: Sequence[NewRecord]) -> list[Confirmed]:
        """Take in the records of a publish. Raises UnknownType, BadInput, with nothing taken in."""
        topic = self._topics.get(name) or self._topics.setdefault(name, find_topic(self._connection, name))
        check_records(topic.topic, records)
        if placing.has_ids(records):
            return self._publish_once(topic, records)
        return self._publish(topic, records)

    def _publish(self, topic: Found, records: Sequence[NewRecord]) -> list[Confirmed]:
        turn, self._turn = self._turn, self._turn + len(records)
        return placing.place(topic.topic, records, turn, partial(self._append, topic.id))

    def _append(self, topic: int, partition: int, records: Sequence[NewRecord]) -> Offset:
        number = lane(topic, partition)
        if number not in self._lanes:
            next: int = self._connection.execute("SELECT next FROM lane WHERE lane = ?", (number,)).get
            self._lanes[number] = _Lane(number, next)
        return self._lanes[number].append(records)

    def _publish_once(self, topic: Found, records: Sequence[NewRecord]) -> list[Confirmed]:
        mine = self._ids.setdefault(topic.id, {})
        known = mine | self._seen(topic.id, [record.id for record in records if record.id])
        done, new = placing.place_once(records, known, partial(self._publish, topic))
        mine |= new
        return done

    def _seen(self, topic: int, ids: Sequence[str]) -> dict[str, Lies]:
        rows = self._connection.execute(
            'SELECT seen.id, partition, "offset" FROM json_each(?) CROSS JOIN seen WHERE seen.id = value AND topic = ?',
            (json.dumps(ids), topic),
        )
        return {id: (partition, offset) for id, partition, offset in rows}

    def flush(self) -> None:
        """Write all that was taken in; remove what the topics' limits say."""
        for each in self._lanes.values():
            self._write(each)
        for topic, ids in self._ids.items():
            self._connection.executemany(
                'INSERT INTO seen (topic, id, partition, "offset", time) VALUES (?, ?, ?, ?, ?)',
                ((topic, id, partition, offset, self._now) for id, (partition, offset) in ids.items()),
            )
        if self._lanes:
            self._retention.work(self._topics.values(), self._now, sum(map(len, self._ids.values())))

    def _write(self, into: _Lane) -> None:
        offset, total = into.next - len(into.records), 0
        for count, size, data in pack_all(into.records):
            offset += count
            total += size
            row = place(into.number, offset - 1), count, self._now, size, data
            self._connection.execute("INSERT INTO chunk (place, count, time, bytes, data) VALUES (?, ?, ?, ?, ?)", row)
        changed = into.next, total, into.number
        self._connection.execute("UPDATE lane SET next = ?, bytes = bytes + ? WHERE lane = ?", changed)

"""Judging appends and turning them into rows, inside the writer's transaction. Synchronous."""

from collections.abc import Sequence
from typing import Any

import apsw

from headwater.adapters.sqlite.kinds import Kinds
from headwater.adapters.sqlite.queries import first_match
from headwater.clock import Clock
from headwater.errors import ConditionFailed, IdReused, StreamClosed, WrongExpectedVersion
from headwater.messages import Appended, Condition, Envelope, Receipt, Write
from headwater.store.meta import encode_meta
from headwater.store.port import as_new, check_restored

MAX_CACHED_STREAMS = 50_000

INSERT_EVENT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_STREAM = "INSERT INTO stream VALUES (?, ?)"
INSERT_TAG = "INSERT OR IGNORE INTO tag VALUES (?, ?)"
INSERT_APPEND = "INSERT INTO append VALUES (?, ?, ?, ?, ?)"
FIND_APPEND = "SELECT first, last, versions, fingerprint FROM append WHERE id = ?"
FIND_STREAM = """
    SELECT id, coalesce((SELECT max(version) FROM event WHERE event.stream = id), removed, 0), coalesce(closed, 0)
    FROM stream LEFT JOIN stream_mark ON stream_mark.stream = id WHERE name = ?
"""
DAMAGE = apsw.ConstraintError, apsw.SQLError  # what our own statements raise only where the tables are damaged
LAST = "SELECT coalesce((SELECT max(position) FROM event), 0), coalesce((SELECT max(id) FROM stream), 0)"


class Appender:
    """Judges appends one after the other and collects their rows; `flush` inserts them all at once.

    What it remembers of streams (number, version, whether it is closed) stays true as long as no other connection has
    written, which `PRAGMA data_version` tells, and no transaction was rolled back.
    """

    def __init__(self, connection: apsw.Connection, kinds: Kinds, clock: Clock) -> None:
        self._cursor = connection.cursor()
        self._connection = connection
        self._kinds = kinds
        self._clock = clock
        self._streams: dict[str, tuple[int, int, int]] = {}
        self._data_version = -1
        self._now = 0
        self.last_position = 0
        self._last_stream = 0
        self._clear()

    def _clear(self) -> None:
        self._events: list[tuple[int, int, int, int, int, str, str]] = []
        self._new_streams: list[tuple[int, str]] = []
        self._tags: list[tuple[str, int]] = []
        self._touched: set[str] = set()
        self._appends: dict[str, tuple[int, int, str, str]] = {}

    def begin(self) -> None:
        """A transaction began: find out whether what is remembered still holds."""
        self._now = self._clock.now()
        try:
            self._look()
        except DAMAGE as error:
            raise apsw.CorruptError(str(error)) from error

    def _look(self) -> None:
        version = self._cursor.execute("PRAGMA data_version").get
        if version != self._data_version:
            self._data_version = version
            self._kinds.refresh(self._connection)
            self.look_again()

    def look_again(self) -> None:
        """Others have written to the tables of events and streams, in this transaction or before it."""
        self._streams.clear()
        last: Any = self._cursor.execute(LAST).get
        self.last_position, self._last_stream = last

    def place(self, stream: str) -> tuple[int, int]:
        """Number and version of a stream, all of whose events are in the table now; (0, 0) if there is none."""
        if stream in self._touched:
            self.flush()
        found = self._streams.get(stream)
        if found is None:
            found = self._find_stream(stream)
            self._keep(stream, found)
        return found[:2]

    def _keep(self, stream: str, place: tuple[int, int, int]) -> None:
        if len(self._streams) >= MAX_CACHED_STREAMS:
            self._streams.clear()
        self._streams[stream] = place

    def forget(self) -> None:
        """A transaction was rolled back: nothing that is remembered may be true."""
        self._clear()
        self._data_version = -1
        self._kinds.reload(self._connection)

    def append(self, writes: Sequence[Write], condition: Condition | None, id: str, fingerprint: str) -> Appended:
        """Judge one append and take it on, or refuse it whole. Raises Conflict and its kin."""
        try:
            if id and (first := self.find(id, fingerprint)):
                return first
            places = [self._judge(write) for write in writes]
            if condition:
                self._check(condition)
        except DAMAGE as error:
            raise apsw.CorruptError(str(error)) from error
        before = self.last_position
        versions = tuple([self._take(write, place) for write, place in zip(writes, places, strict=True)])
        if id:
            text = ",".join(map(str, versions))
            self._appends[id] = (before + 1, self.last_position, text, fingerprint)
        return Appended(before + 1, self.last_position, versions)

    def find(self, id: str, fingerprint: str) -> Appended | None:
        """The result of an earlier append with that id. Raises IdReused if it was for something else."""
        row: Any = self._appends.get(id) or self._cursor.execute(FIND_APPEND, (id,)).get
        return stored_append(id, fingerprint, row)

    def _judge(self, write: Write) -> tuple[int, int, int]:
        """Number and version of the write's stream, which is open; number 0 for a new one."""
        found = self._streams.get(write.stream) or self._find_stream(write.stream)
        if write.expected is not None and write.expected != found[1]:
            raise WrongExpectedVersion(write.stream, write.expected, found[1])
        if found[2]:
            raise StreamClosed(write.stream)
        return found

    def _find_stream(self, name: str) -> tuple[int, int, int]:
        row: Any = self._cursor.execute(FIND_STREAM, (name,)).get
        return row or (0, 0, 0)

    def _check(self, condition: Condition) -> None:
        self.flush()
        position = first_match(self._cursor, self._kinds, condition)
        if position is not None:
            raise ConditionFailed(position, condition.after)

    def _take(self, write: Write, place: tuple[int, int, int]) -> int:
        stream, version, closed = place
        if not stream:
            stream = self._last_stream = self._last_stream + 1
            self._new_streams.append((stream, write.stream))
        position, now, add, number = self.last_position, self._now, self._events.append, self._kinds.number
        for event in write.events:
            position += 1
            version += 1
            kind = number(event.type, event.type_version)
            add((position, stream, version, kind, event.time or now, event.data.decode(), encode_meta(event)))
            if event.tags:
                self._tags.extend([(tag, position) for tag in event.tags])
        self.last_position = position
        self._touched.add(write.stream)
        self._keep(write.stream, (stream, version, closed))
        return version

    def restore(self, events: Sequence[Envelope], receipts: Sequence[Receipt]) -> None:
        """Take on events of another store at their own positions. Raises Conflict with nothing taken."""
        self.flush()
        versions = {name: self._find_stream(name)[1] for name in {event.stream for event in events}}
        check_restored(events, self.last_position, versions)
        for event in events:
            self.last_position = event.position - 1
            self._take(Write(event.stream, [as_new(event)]), self._place_of(event.stream))
        for each in receipts:
            if not self.find(each.id, ""):
                text = ",".join(map(str, each.versions))
                self._appends[each.id] = (each.first, each.last, text, each.fingerprint)
        self._insert()
        self._clear()

    def insert(self, events: Sequence[Envelope]) -> None:
        """Insert events of streams that are there, at their own versions and positions. `look_again` behind it."""
        for event in events:
            number, _, closed = self._place_of(event.stream)
            self.last_position = event.position - 1
            self._take(Write(event.stream, [as_new(event)]), (number, event.stream_version - 1, closed))
        self.flush()

    def _place_of(self, stream: str) -> tuple[int, int, int]:
        return self._streams.get(stream) or self._find_stream(stream)

    def flush(self) -> None:
        """Insert the rows collected so far."""
        if not self._events:
            return
        try:
            self._insert()
        except DAMAGE as error:
            raise apsw.CorruptError(str(error)) from error
        self._clear()

    def _insert(self) -> None:
        self._kinds.flush(self._cursor)
        if self._new_streams:
            self._cursor.executemany(INSERT_STREAM, self._new_streams)
        self._cursor.executemany(INSERT_EVENT, self._events)
        if self._tags:
            self._cursor.executemany(INSERT_TAG, self._tags)
        if self._appends:
            self._cursor.executemany(INSERT_APPEND, [(id, *row) for id, row in self._appends.items()])


def stored_append(id: str, fingerprint: str, row: tuple[int, int, str, str] | None) -> Appended | None:
    """A row of the `append` table as a result. Raises IdReused if both fingerprints are given and differ."""
    if row is None:
        return None
    first, last, versions, known = row
    if fingerprint and known and fingerprint != known:
        raise IdReused(id)
    return Appended(first, last, tuple(map(int, versions.split(","))), repeated=True)

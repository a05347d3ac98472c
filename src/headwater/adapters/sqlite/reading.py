"""Reading events: a stream or the whole order, one by one or encoded together. Synchronous."""

from collections.abc import Callable, Iterator
from typing import Any

import apsw

from headwater.adapters.sqlite.appender import FIND_APPEND, stored_append
from headwater.adapters.sqlite.kinds import Kinds
from headwater.adapters.sqlite.queries import WINDOW, matching
from headwater.errors import StreamTruncated
from headwater.messages import Appended, Batch, Envelope, Kind, Page, Position, Query, Receipt
from headwater.store.meta import decode_meta
from headwater.store.port import LOAD_LIMIT

LAST = "SELECT position FROM event WHERE stream = ? ORDER BY version DESC LIMIT 1"
HEAD = "SELECT coalesce(max(position), 0) FROM event"
ROWS_AS_JSON = "'[[' || group_concat(kind || ',' || data, '],[') || ']]'"
MAX_KNOWN_STREAMS = 50_000
STREAM = "SELECT id FROM stream WHERE name = ?"
NAME = "SELECT name FROM stream WHERE id = ?"
# Rows reach group_concat in the order of the index that is named; with ORDER BY they would be sorted once more.
LOAD = f"""
    SELECT max(version), position, {ROWS_AS_JSON}, (SELECT removed FROM stream_mark AS m WHERE m.stream = ?1)
    FROM event INDEXED BY event_of_stream WHERE stream = ?1 AND version > ?2 AND version <= ?3
"""
SCAN = f"""
    SELECT count(*), max(position), {ROWS_AS_JSON} FROM (
        SELECT position, kind, data FROM event WHERE {{}} ORDER BY position LIMIT ?)
"""
RECEIPTS = "SELECT id, first, last, versions, fingerprint FROM append WHERE id > ? ORDER BY id LIMIT ?"
READ = """
    SELECT position, stream.name, event.version, kind, time, data, meta
    FROM event JOIN stream ON stream.id = event.stream WHERE {} ORDER BY position LIMIT ?
"""
READ_STREAM = """
    SELECT position, ?1, version, kind, time, data, meta FROM event
    WHERE stream = (SELECT id FROM stream WHERE name = ?1) AND version > ?2 ORDER BY version LIMIT ?3
"""


class Reader:
    """Answers what is asked by key from `near()`, and scans on `scanner`, which need not remember what it passes."""

    def __init__(self, near: Callable[[], apsw.Connection], scanner: apsw.Connection, kinds: Kinds) -> None:
        self._near = near
        self._scanner = scanner
        self._kinds = kinds
        self._kinds_as_of = -1
        self._numbers: dict[str, int] = {}
        self._store_id: str = scanner.execute("SELECT id FROM store").get

    def load(self, stream: str, after: int, limit: int) -> Batch:
        """See EventStore.load."""
        connection = self._near()
        number = self._numbers.get(stream) or self._find(connection, stream)
        row: Any = connection.execute(LOAD, (number, after, after + limit)).get if number else (None, 0, "", 0)
        version, position, text, removed = row
        if removed and removed > after:
            raise StreamTruncated(stream, removed)
        if version is None:
            return Batch("[]", self._kinds.all, 0, 0, after)
        return Batch(text, self._known_kinds(), version - after, position, version)

    def _find(self, connection: apsw.Connection, stream: str) -> int:
        """The number of a stream, 0 if there is none. A number once committed stays the stream's for good."""
        number: int = connection.execute(STREAM, (stream,)).get or 0
        if number and len(self._numbers) < MAX_KNOWN_STREAMS and not connection.in_transaction:
            self._numbers[stream] = number
        return number

    def uncommitted(self, connection: apsw.Connection, number: int, after: int, upto: int) -> Iterator[Batch]:
        """The events of a stream (its number) between two versions, as the transaction of `connection` sees them."""
        while after < upto:
            row: Any = connection.execute(LOAD, (number, after, after + LOAD_LIMIT)).get
            version, position, text, removed = row
            if removed and removed > after:
                raise StreamTruncated(connection.execute(NAME, (number,)).get, removed)
            yield Batch(text, self._kinds.all, version - after, position, version)
            after = version

    def scan(self, query: Query, after: Position, limit: int, connection: apsw.Connection | None = None) -> Batch:
        """See EventStore.scan; on the scanner, or on another connection."""
        on = connection or self._scanner
        head = on.execute(HEAD).get
        kinds = self._known_kinds() if connection is None else self._kinds.all
        upto = min(head, after + WINDOW) if query.items else head
        where, values = self._where(query, after, upto)
        row: Any = on.execute(SCAN.format(where), (*values, limit)).get
        count, position, text = row
        return Batch(text or "[]", kinds, count, position if count == limit else max(upto, after))

    def _where(self, query: Query, after: Position, upto: Position) -> tuple[str, list[Any]]:
        if len(query.items) > 1 or any(item.tags for item in query.items):
            sql, values = matching(query, self._kinds, after, upto)
            return f"position IN ({sql})", values
        numbers = self._kinds.numbers_of(query.items[0].types) if query.items else ()
        only = f" AND kind IN ({','.join(map(str, numbers))})" if query.items and query.items[0].types else ""
        return f"position > ? AND position <= ?{only}", [after, upto]

    def read(self, query: Query, after: Position, limit: int) -> Page:
        """See EventStore.read."""
        head = self._scanner.execute(HEAD).get
        kinds = self._known_kinds()
        upto = min(head, after + WINDOW) if query.items else head
        where, values = self._where(query, after, upto)
        rows: list[Any] = self._scanner.execute(READ.format(where), (*values, limit)).fetchall()
        events = [self._envelope(row, kinds) for row in rows]
        return Page(events, events[-1].position if len(events) == limit else max(upto, after), head)

    def read_stream(self, stream: str, after: int, limit: int) -> list[Envelope]:
        """See EventStore.read_stream."""
        rows: list[Any] = self._near().execute(READ_STREAM, (stream, after, limit)).fetchall()
        kinds = self._known_kinds()
        return [self._envelope(row, kinds) for row in rows]

    def find_append(self, id: str, fingerprint: str) -> Appended | None:
        """See EventStore.find_append."""
        row: Any = self._near().execute(FIND_APPEND, (id,)).get
        return stored_append(id, fingerprint, row)

    def receipts(self, after: str, limit: int) -> list[Receipt]:
        """See EventStore.receipts."""
        rows: list[Any] = self._near().execute(RECEIPTS, (after, limit)).fetchall()
        return [
            Receipt(id, first, last, tuple(map(int, known.split(","))), mark) for id, first, last, known, mark in rows
        ]

    def head(self) -> Position:
        """See EventStore.head."""
        position: Position = self._near().execute(HEAD).get
        return position

    def _known_kinds(self) -> list[Kind]:
        """The kinds, with those of all rows that the connections can see."""
        counter: int = self._scanner.execute("PRAGMA data_version").get
        if counter != self._kinds_as_of:
            self._kinds_as_of = counter
            self._kinds.refresh(self._scanner)
        return self._kinds.all

    def _envelope(self, row: tuple[int, str, int, int, int, str, str], kinds: list[Kind]) -> Envelope:
        position, stream, version, number, time, data, meta = row
        type, type_version = kinds[number]
        stored = decode_meta(meta)
        return Envelope(
            position, stream, version, stored.id or f"{self._store_id}-{position}", type, type_version,
            data.encode(), time, stored.tags, stored.metadata,
        )  # fmt: skip

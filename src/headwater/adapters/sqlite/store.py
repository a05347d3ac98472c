"""The event store on one SQLite file (or in memory). Several processes may use one file."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self, TypeVar

import apsw
import msgspec

from headwater.adapters.sqlite.appender import FIND_APPEND, Appender, Prepared, StoredMeta, encode_meta, stored_append
from headwater.adapters.sqlite.faults import translated
from headwater.adapters.sqlite.kinds import Kinds
from headwater.adapters.sqlite.queries import WINDOW, matching
from headwater.adapters.sqlite.schema import connect, file_exists, prepare
from headwater.adapters.sqlite.watch import Watch
from headwater.adapters.sqlite.writer import Writer
from headwater.clock import Clock, SystemClock
from headwater.errors import StoreClosed, StoreNotFound
from headwater.messages import ALL, Appended, Batch, Condition, Envelope, Kind, Page, Position, Query, Write
from headwater.store.port import LOAD_LIMIT, MAX_EVENT_BYTES, Capabilities, check_stream, check_writes

T = TypeVar("T")

HEAD = "SELECT coalesce(max(position), 0) FROM event"
LOAD = """
    SELECT count(*), max(position), max(version), group_concat('[' || kind || ',' || data || ']') FROM (
        SELECT position, version, kind, data FROM event
        WHERE stream = (SELECT id FROM stream WHERE name = ?) AND version > ? ORDER BY version LIMIT ?)
"""
SCAN = """
    SELECT count(*), max(position), group_concat('[' || kind || ',' || data || ']') FROM (
        SELECT position, kind, data FROM event WHERE position IN ({}) ORDER BY position LIMIT ?)
"""
SCAN_RANGE = """
    SELECT count(*), max(position), group_concat('[' || kind || ',' || data || ']') FROM (
        SELECT position, kind, data FROM event WHERE position > ? AND position <= ?{} ORDER BY position LIMIT ?)
"""
ENVELOPES = """
    SELECT position, stream.name, event.version, kind, time, data, meta
    FROM event JOIN stream ON stream.id = event.stream WHERE position IN ({}) ORDER BY position LIMIT ?
"""
STREAM = """
    SELECT position, ?1, version, kind, time, data, meta FROM event
    WHERE stream = (SELECT id FROM stream WHERE name = ?1) AND version > ?2 ORDER BY version LIMIT ?3
"""

_decode_meta = msgspec.json.Decoder(StoredMeta).decode


class SqliteStore:
    """EventStore on SQLite: write-ahead log, group commit, one fsync per group."""

    def __init__(
        self, path: str, writer: apsw.Connection, reader: apsw.Connection, *, durable: bool, clock: Clock,
        max_event_bytes: int, lock_timeout: float,
    ) -> None:  # fmt: skip
        self.path = path
        self.clock = clock
        self.connection = writer
        self.reader = reader
        self.kinds = Kinds(writer)
        self.capabilities = Capabilities(durable=durable and path != ":memory:", shared=path != ":memory:")
        self._max_event_bytes = max_event_bytes
        self._appender = Appender(writer, self.kinds, clock)
        self._inline: list[Callable[[Position], None]] = []
        self._closed = False
        self._before = 0
        self.watch = Watch(reader, shared=self.capabilities.shared)
        self.writer = Writer(writer, path, self, durable=durable, lock_timeout=lock_timeout)

    @classmethod
    async def open(
        cls, path: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None,
        max_event_bytes: int = MAX_EVENT_BYTES, lock_timeout: float = 10.0,
    ) -> Self:  # fmt: skip
        """Open the store in a file, made if it is not there and `create`; ':memory:' for one that nobody keeps.

        `durable=False` acknowledges before the disk has it (SQLite's synchronous=NORMAL): a power loss may then lose
        the last moments, never consistency. Raises StoreNotFound, StoreCorrupt, StoreTooNew, StoreReadOnly.
        """
        if not create and not file_exists(path):
            raise StoreNotFound(path, "there is no such file")
        with translated(path):
            writer = connect(path, durable=durable)
            prepare(writer, path, create=create)
            reader = writer if path == ":memory:" else connect(path, durable=durable)
        return cls(
            path, writer, reader, durable=durable, clock=clock or SystemClock(),
            max_event_bytes=max_event_bytes, lock_timeout=lock_timeout,
        )  # fmt: skip

    # -- writing

    async def append(
        self, *writes: Write, condition: Condition | None = None, id: str = "", fingerprint: str = ""
    ) -> Appended:
        check_writes(writes, id, self._max_event_bytes)
        now = self.clock.now()
        encoded = [[(event.data.decode(), encode_meta(event, now)) for event in write.events] for write in writes]

        def judge() -> Appended:
            return self._appender.append(Prepared(writes, encoded, condition, id, fingerprint))

        return await self.writer.run(judge)

    async def transact(self, work: Callable[[apsw.Connection], T], *, durable: bool = True) -> T:
        """Run `work` on the writer's connection inside its next transaction; for views and checkpoints.

        If it raises, what it wrote is undone. Without `durable` its transaction may end before the disk has it.
        """

        def after_appends() -> T:
            self._appender.flush()
            result: list[T] = []
            with self.connection:  # a savepoint
                result.append(work(self.connection))
            return result[0]

        return await self.writer.run(after_appends, durable=durable)

    def inline(self, advance: Callable[[Position], None]) -> None:
        """Call `advance(last position)` inside every transaction that appends, before it commits."""
        self._inline.append(advance)

    def begun(self) -> None:
        """The writer's transaction has the write lock."""
        self._appender.begin()
        self._before = self._appender.last_position

    def before_commit(self) -> None:
        """All appends of the writer's transaction are judged."""
        self._appender.flush()
        if self._appender.last_position > self._before:
            for advance in self._inline:
                advance(self._appender.last_position)

    def committed(self) -> None:
        """The writer's transaction is in the file."""
        self.watch.notify()

    def rolled_back(self) -> None:
        """Nothing of the writer's transaction was kept."""
        self._appender.forget()

    # -- reading

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        check_stream(stream)
        with self._reading():
            row: Any = self.reader.execute(LOAD, (stream, after, limit)).get
            count, position, version, text = row
            return Batch(f"[{text or ''}]", self._kinds(), count, position or 0, version or after)

    async def scan(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Batch:
        with self._reading():
            return self.scan_on(self.reader, query, after, limit)

    def scan_on(self, connection: apsw.Connection, query: Query, after: Position, limit: int) -> Batch:
        """`scan` on a given connection, at once."""
        head = connection.execute(HEAD).get
        kinds = self._kinds()
        upto = min(head, after + WINDOW) if query.items else head
        if any(item.tags for item in query.items) or len(query.items) > 1:
            sql, values = matching(query, self.kinds, after, upto)
            row = connection.execute(SCAN.format(sql), (*values, limit))
        else:
            numbers = self.kinds.numbers_of(query.items[0].types) if query.items else ()
            only = f" AND kind IN ({','.join(map(str, numbers))})" if query.items else ""
            row = connection.execute(SCAN_RANGE.format(only), (after, upto, limit))
        found: Any = row.get
        count, position, text = found
        reached = position if count == limit else max(upto, after)
        return Batch(f"[{text or ''}]", kinds, count, reached)

    async def read(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Page:
        with self._reading():
            head = self.reader.execute(HEAD).get
            kinds = self._kinds()
            upto = min(head, after + WINDOW) if query.items else min(head, after + limit)
            sql, values = matching(query, self.kinds, after, upto)
            rows: list[Any] = self.reader.execute(ENVELOPES.format(sql), (*values, limit)).fetchall()
        events = [_envelope(row, kinds) for row in rows]
        return Page(events, events[-1].position if len(events) == limit else max(upto, after), head)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        check_stream(stream)
        with self._reading():
            rows: list[Any] = self.reader.execute(STREAM, (stream, after, limit)).fetchall()
            kinds = self._kinds()
        return [_envelope(row, kinds) for row in rows]

    async def find_append(self, id: str, fingerprint: str = "") -> Appended | None:
        with self._reading():
            row: Any = self.reader.execute(FIND_APPEND, (id,)).get
            return stored_append(id, fingerprint, row)

    async def head(self) -> Position:
        with self._reading():
            position: Position = self.reader.execute(HEAD).get
            return position

    async def wait(self, after: Position, *, timeout: float) -> Position:
        give_up = time.monotonic() + timeout
        while (head := await self.head()) <= after:
            if not await self.watch.changed(give_up - time.monotonic()):
                return await self.head()
        return head

    def _kinds(self) -> list[Kind]:
        """Kinds as of now: a kind number in a row read later is always below the list's length."""
        self.kinds.refresh(self.reader)
        return self.kinds.all

    def _reading(self) -> AbstractContextManager[None]:
        if self._closed:
            raise StoreClosed(self.path)
        return translated(self.path)

    # -- life

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.writer.close()
        await self.watch.close()
        self.reader.close()
        self.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())


def _envelope(row: tuple[int, str, int, int, int, str, str], kinds: list[Kind]) -> Envelope:
    position, stream, version, number, time, data, meta = row
    type, type_version = kinds[number]
    stored = _decode_meta(meta)
    return Envelope(
        position, stream, version, stored.id, type, type_version, data.encode(), time, stored.tags, stored.metadata
    )

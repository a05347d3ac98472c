"""The event store on one SQLite file (or in memory). Several processes may use one file."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import apsw

from headwater.adapters.sqlite.appender import Appender
from headwater.adapters.sqlite.faults import reading, translated
from headwater.adapters.sqlite.files import SMALL_CACHE_KIB, connect, file_exists, prepare
from headwater.adapters.sqlite.kinds import Kinds
from headwater.adapters.sqlite.reading import LAST, Reader
from headwater.adapters.sqlite.removing import Remover, marks_of
from headwater.adapters.sqlite.schema import STORE
from headwater.adapters.sqlite.watch import Watch
from headwater.adapters.sqlite.writer import Writer
from headwater.clock import Clock, SystemClock
from headwater.errors import StoreCorrupt, StoreLocked, StoreNotFound
from headwater.messages import ALL, Appended, Batch, Condition, Envelope, Page, Position, Query, Receipt, Write
from headwater.store.port import (
    LOAD_LIMIT,
    MAX_EVENT_BYTES,
    Capabilities,
    Decision,
    Size,
    check_reached,
    check_stream,
    check_writes,
)
from headwater.store.removal import Cut, Removed, StreamMark

T = TypeVar("T")

IN_MEMORY = ":memory:"


class SqliteStore:
    """EventStore on SQLite: write-ahead log, group commit, one fsync per group.

    `connection` is the writer's. Whoever reads by key does so on it too, while no transaction is under way: its cache
    outlives its own commits, those of other connections' do not.
    """

    def __init__(
        self, path: str, writer: apsw.Connection, reader: apsw.Connection, scanner: apsw.Connection, *,
        durable: bool, clock: Clock, max_event_bytes: int, lock_timeout: float,
    ) -> None:  # fmt: skip
        on_disk = path != IN_MEMORY
        self.path = path
        self.address = "memory:" if path == IN_MEMORY else f"sqlite:///{path}"
        self.clock = clock
        self.connection = writer
        self._reader = reader
        self.capabilities = Capabilities(durable=durable and on_disk, shared=on_disk)
        self.watch = Watch(reader, shared=on_disk)
        kinds = Kinds(writer)
        self._connections = {writer, reader, scanner}
        self._reading = Reader(lambda: self.reader, scanner, kinds)
        self._appender = Appender(writer, kinds, clock)
        self._remover = Remover(writer, self._appender)
        self._max_event_bytes = max_event_bytes
        self._faults = reading(path)
        self._inline: list[Callable[[Position], None]] = []
        self._before = 0
        self._closed = False
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
            prepare(writer, path, STORE, create=create)
            reader = connect(path, cache_kib=SMALL_CACHE_KIB) if path != IN_MEMORY else writer
            scanner = connect(path, cache_kib=SMALL_CACHE_KIB) if path != IN_MEMORY else writer
            return cls(
                path, writer, reader, scanner, durable=durable, clock=clock or SystemClock(),
                max_event_bytes=max_event_bytes, lock_timeout=lock_timeout,
            )  # fmt: skip

    # -- writing

    async def append(
        self, *writes: Write, condition: Condition | None = None, id: str = "", fingerprint: str = ""
    ) -> Appended:
        check_writes(writes, id, self._max_event_bytes)
        return await self.writer.run(partial(self._appender.append, writes, condition, id, fingerprint))

    async def decide(
        self, stream: str, decision: Decision, *, after: int = 0, id: str = "", fingerprint: str = ""
    ) -> Appended:
        check_stream(stream)
        return await self.writer.run(partial(self._decide, stream, decision, after, id, fingerprint))

    def _decide(self, stream: str, decision: Decision, after: int, id: str, fingerprint: str) -> Appended:
        """Inside the writer's transaction: nobody can come in between."""
        if id and (first := self._appender.find(id, fingerprint)):
            return first
        number, version = self._appender.place(stream)
        check_reached(stream, version, after)
        events = decision(self._reading.uncommitted(self.connection, number, after, version))
        if not events:
            last = self.connection.execute(LAST, (number,)).get or 0
            return Appended(last + 1, last, (version,))
        write = Write(stream, events, version)
        check_writes((write,), id, self._max_event_bytes)
        return self._appender.append((write,), None, id, fingerprint)

    async def receipts(self, after: str = "", *, limit: int = 1000) -> list[Receipt]:
        with self._faults:
            return self._reading.receipts(after, limit)

    async def restore(self, events: Sequence[Envelope], receipts: Sequence[Receipt] = ()) -> None:
        await self.writer.run(partial(self._appender.restore, events, receipts))

    async def remove(self, *cuts: Cut, actor: str = "", reason: str = "") -> Removed:
        return await self.writer.run(partial(self._remover.remove, cuts, actor, reason))

    async def close_stream(self, stream: str, *, actor: str = "", reason: str = "") -> int:
        return await self.writer.run(partial(self._remover.close, stream, actor, reason))

    async def marks(self, after: str = "", *, limit: int = 1000) -> list[StreamMark]:
        with self._faults:
            return marks_of(self.reader, after, limit)

    async def mark(self, marks: Sequence[StreamMark]) -> None:
        await self.writer.run(partial(self._remover.mark, marks))

    async def put_back(self, events: Sequence[Envelope], *, actor: str = "", reason: str = "") -> Position:
        return await self.writer.run(partial(self._remover.put_back, events, actor, reason))

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

    @property
    def reader(self) -> apsw.Connection:
        """The connection to read on, at once and without awaiting in between."""
        return self._reader if self.writer.busy else self.connection

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        check_stream(stream)
        with self._faults:
            return self._reading.load(stream, after, limit)

    async def scan(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Batch:
        with self._faults:
            return self._reading.scan(query, after, limit)

    def scan_uncommitted(self, query: Query, after: Position, limit: int) -> Batch:
        """`scan` at once, as the writer's running transaction sees it."""
        return self._reading.scan(query, after, limit, self.connection)

    async def read(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Page:
        with self._faults:
            return self._reading.read(query, after, limit)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        check_stream(stream)
        with self._faults:
            return self._reading.read_stream(stream, after, limit)

    async def find_append(self, id: str, fingerprint: str = "") -> Appended | None:
        with self._faults:
            return self._reading.find_append(id, fingerprint)

    async def head(self) -> Position:
        with self._faults:
            return self._reading.head()

    async def wait(self, after: Position, *, timeout: float) -> Position:
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        while (head := await self.head()) <= after:
            if not await self.watch.changed(give_up - now()):
                return await self.head()
        return head

    async def size(self) -> Size:
        with self._faults:
            pages: int = self.reader.execute("PRAGMA page_count").get
            page: int = self.reader.execute("PRAGMA page_size").get
            count: int = self.reader.execute("SELECT count(*) FROM event").get
        return Size(count, pages * page if self.path != IN_MEMORY else None)

    async def obstacles(self) -> list[str]:
        """SQLite does not tell who holds the write lock, only that somebody does."""
        try:
            await self.writer.run(lambda: None, durable=False)
        except StoreLocked as error:
            return [f"another process holds the write lock: {error.why}"]
        return []

    async def check(self) -> list[str]:
        try:
            with self._faults:
                lines = [line for (line,) in self.reader.execute("PRAGMA integrity_check(100)")]
        except StoreCorrupt as error:
            lines = [error.why]
        return [f"SQLite: {line}" for line in lines if line != "ok"]

    # -- life

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.writer.close()
        await self.watch.close()
        for connection in self._connections:
            connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())

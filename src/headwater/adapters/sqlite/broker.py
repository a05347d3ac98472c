"""The broker on one SQLite file. Several processes may use one file."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import apsw

from headwater.adapters.sqlite import broker_groups as groups
from headwater.adapters.sqlite import broker_topics as tables
from headwater.adapters.sqlite.broker_member import Part, SqliteMember
from headwater.adapters.sqlite.broker_publisher import Publisher
from headwater.adapters.sqlite.broker_reader import read_chunks
from headwater.adapters.sqlite.broker_retention import WINDOW, Retention
from headwater.adapters.sqlite.broker_schema import BROKER
from headwater.adapters.sqlite.faults import reading, translated
from headwater.adapters.sqlite.files import SMALL_CACHE_KIB, connect, file_exists, prepare
from headwater.adapters.sqlite.watch import Watch
from headwater.adapters.sqlite.writer import Writer
from headwater.clock import Clock, SystemClock
from headwater.errors import BadInput, StoreClosed, StoreError, StoreNotFound
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record, new_id
from headwater.streaming.port import DRAIN, SESSION, BrokerCapabilities, Member, check_group
from headwater.streaming.records import Confirmed, Group

T = TypeVar("T")

WRITER_CACHE_KIB = 8 * 1024  # records are written one after another, so there is little to find again


class SqliteBroker:
    """Broker on SQLite: write-ahead log, group commit, one fsync per group. `connection` is the writer's."""

    def __init__(
        self, path: str, writer: apsw.Connection, reader: apsw.Connection, *,
        durable: bool, clock: Clock, lock_timeout: float,
    ) -> None:  # fmt: skip
        self.path = path
        self.address = f"sqlite:///{path}"
        self.clock = clock
        self.capabilities = BrokerCapabilities(
            durable=durable, shared=True, deduplicates=WINDOW, fences=True, pauses=True, retains=True, atomic=True
        )
        self.connection = writer
        self._reader = reader
        self.watch = Watch(reader, shared=True)
        self._publisher = Publisher(writer, clock)
        self.faults: translated = reading(path)
        self._members: set[SqliteMember] = set()
        self._closed = False
        self.writer = Writer(writer, path, self, durable=durable, lock_timeout=lock_timeout)

    @classmethod
    async def open(
        cls, path: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None,
        lock_timeout: float = 10.0,
    ) -> Self:  # fmt: skip
        """Open the broker in a file, made if it is not there and `create`.

        `durable=False` confirms before the disk has it (SQLite's synchronous=NORMAL): a power loss may then lose the
        last moments, never consistency. Raises StoreNotFound, StoreCorrupt, StoreTooNew, StoreReadOnly.
        """
        if not create and not file_exists(path):
            raise StoreNotFound(path, "there is no such file")
        with translated(path):
            writer = connect(path, durable=durable, cache_kib=WRITER_CACHE_KIB)
            prepare(writer, path, BROKER, create=create)
            reader = connect(path, cache_kib=SMALL_CACHE_KIB)
            return cls(
                path, writer, reader, durable=durable, clock=clock or SystemClock(), lock_timeout=lock_timeout
            )  # fmt: skip

    # -- topics

    async def create_topic(self, topic: Topic) -> None:
        await self._write(lambda connection: tables.put_topic(connection, topic))

    async def topics(self) -> list[Topic]:
        return self._read(lambda connection: [found.topic for found in tables.all_topics(connection)])

    async def remove_topic(self, name: str) -> None:
        def remove(connection: apsw.Connection) -> None:
            tables.drop_topic(connection, name)
            Retention(connection).sweep()

        await self._write(remove)

    # -- records

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> list[Confirmed]:
        self.check()
        with self.faults:
            return await self.writer.run(partial(self._publisher.publish, topic, records))

    async def read(self, topic: str, partition: int, *, start: Offset = 0, limit: int = 100) -> list[Record]:
        def read(connection: apsw.Connection) -> list[Record]:
            found = tables.find_topic(connection, topic)
            if not 0 <= partition < found.topic.partitions:
                last = found.topic.partitions - 1
                raise BadInput(f"topic {topic!r} has partitions 0 to {last}, no {partition}")
            first, next = tables.ends(connection, found)[partition]
            return read_chunks(connection, found, partition, max(start, first), next, limit)[: max(limit, 0)]

        return self._read(read)

    async def ends(self, topic: str) -> dict[int, tuple[Offset, Offset]]:
        found = self._read(lambda connection: tables.ends(connection, tables.find_topic(connection, topic)))
        return {partition: (first, next) for partition, (first, next) in found.items()}

    # -- groups

    async def join(self, topic: str, group: str, *, session: float = SESSION, drain: float = DRAIN) -> Member:
        check_group(group)
        name = new_id(self.clock.now())

        def join(connection: apsw.Connection) -> Part:
            found = tables.find_topic(connection, topic)
            return Part(found, groups.put_group(connection, found, group), group, name, session, drain)

        member = SqliteMember(self, await self._write(join))
        await member.start()
        self._members.add(member)
        return member

    async def groups(self, topic: str) -> list[Group]:
        return self._read(lambda connection: groups.standing(connection, tables.find_topic(connection, topic)))

    async def pause(self, topic: str, group: str) -> None:
        await self._set_paused(topic, group, True)

    async def resume(self, topic: str, group: str) -> None:
        await self._set_paused(topic, group, False)

    async def _set_paused(self, topic: str, group: str, paused: bool) -> None:
        def set_paused(connection: apsw.Connection) -> None:
            found = groups.find_group(connection, tables.find_topic(connection, topic), group)
            groups.set_paused(connection, found.id, paused)

        await self._write(set_paused)

    def left(self, member: SqliteMember) -> None:
        """A member is none any more."""
        self._members.discard(member)

    # -- the file

    @property
    def reader(self) -> apsw.Connection:
        """The connection to read on, at once and without awaiting in between."""
        return self._reader if self.writer.busy else self.connection

    def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        self.check()
        with self.faults:
            return work(self.reader)

    async def _write(self, work: Callable[[apsw.Connection], T]) -> T:
        self.check()
        with self.faults:
            return await self.writer.run(lambda: work(self.connection))

    def begun(self) -> None:
        """The writer's transaction has the write lock."""
        self._publisher.begin()

    def before_commit(self) -> None:
        """All that is published in the writer's transaction is known."""
        with self.faults:
            self._publisher.flush()

    def committed(self) -> None:
        """The writer's transaction is in the file."""
        self.watch.notify()

    def rolled_back(self) -> None:
        """Nothing of the writer's transaction was kept."""
        self._publisher.begin()

    # -- life

    def check(self) -> None:
        """Raises StoreClosed."""
        if self._closed:
            raise StoreClosed(self.address)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for member in list(self._members):
            with suppress(StoreError):  # it is held for dead in a while
                await member.leave()
        await self.writer.close()
        await self.watch.close()
        for connection in (self.connection, self._reader):
            connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())

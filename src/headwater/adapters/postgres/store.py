"""The event store on PostgreSQL. Any number of processes may use one schema."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import psycopg

from headwater.adapters.postgres import migrations, moving
from headwater.adapters.postgres.address import parse
from headwater.adapters.postgres.faults import translate
from headwater.adapters.postgres.grouping import Order
from headwater.adapters.postgres.kinds import Kinds
from headwater.adapters.postgres.reading import STORE_ID, Reader
from headwater.adapters.postgres.removing import Remover
from headwater.adapters.postgres.server import Connection, Server
from headwater.adapters.postgres.watch import Watch
from headwater.adapters.postgres.writer import Writer
from headwater.clock import Clock, SystemClock
from headwater.errors import StoreCorrupt, StoreRefused
from headwater.messages import ALL, Appended, Batch, Condition, Envelope, Page, Position, Query, Receipt, Write
from headwater.store.deciding import Turns, decide_optimistically
from headwater.store.port import LOAD_LIMIT, MAX_EVENT_BYTES, Capabilities, Decision, Size, check_stream, check_writes
from headwater.store.removal import Cut, Removed, StreamMark

SIZE = """
    SELECT (SELECT count(*) FROM headwater.event), coalesce(sum(pg_total_relation_size(oid)), 0)::bigint
    FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'
"""
OBSTACLES = """
    SELECT format(
        '%s of user %s, open for %s: %s', who, of_user,
        coalesce(
            round(extract(epoch FROM clock_timestamp() - begun)) || ' s (' || state || ')',
            'an unknown time (' || coalesce(state, 'grant pg_read_all_stats to see it') || ')'),
        string_agg(DISTINCT what, ', ' ORDER BY what))
    FROM headwater.held JOIN (
        SELECT pid, NULL AS prepared, usename AS of_user, xact_start AS begun, state,
            format('transaction of process %s (%s)', pid,
                coalesce(nullif(application_name, ''), 'no application name')) AS who,
            query = '<insufficient privilege>' OR state = 'disabled' AS hidden
        FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        UNION ALL
        SELECT NULL, virtualtransaction, owner, prepared, 'COMMIT PREPARED or ROLLBACK PREPARED ends it',
            'prepared transaction ' || quote_literal(gid), false
        FROM pg_prepared_xacts JOIN pg_locks ON pid IS NULL AND transactionid = transaction
    ) AS holder ON holder.pid = held.pid OR holder.prepared = held.holder
    WHERE begun < clock_timestamp() - interval '0.5 s' OR (begun IS NULL AND hidden)
    GROUP BY who, of_user, begun, state ORDER BY begun
"""
CHECK = """
    SELECT * FROM (
        SELECT 'position ' || position || ' is of a stream or kind that is not there' AS line FROM headwater.event AS e
        WHERE NOT EXISTS (SELECT FROM headwater.stream AS s WHERE s.id = e.stream)
            OR NOT EXISTS (SELECT FROM headwater.kind AS k WHERE k.id = e.kind)
        UNION ALL
        SELECT 'a tag ' || tag || ' is of position ' || position || ', which is not there' FROM headwater.tag AS t
        WHERE NOT EXISTS (SELECT FROM headwater.event AS e WHERE e.position = t.position)
        UNION ALL
        SELECT 'position ' || max(position) || ' was never drawn' FROM headwater.event
        HAVING max(position) > coalesce(pg_sequence_last_value('headwater.event_position'), 0)
    ) AS lines LIMIT 100
"""
MAY_READ = """
    SELECT has_sequence_privilege('headwater.event_position', 'SELECT, USAGE'),
        'GRANT SELECT ON SEQUENCE headwater.event_position TO ' || quote_ident(current_user)
"""
SYNCED = "SELECT current_setting('synchronous_commit') <> 'off' AND current_setting('fsync') = 'on'"


class PostgresStore:
    """EventStore in a schema of a PostgreSQL database: group commit, and an order fence instead of a lock.

    `server` is the way there, for views and checkpoints in the same schema.

    All of it works behind a pooler that lends a session for one transaction (pgbouncer's pool_mode=transaction), even
    where it has one session only. The store finds out by itself, sets and prepares nothing in a session, and declares
    what is different: changes by others are found by looking, not told (`capabilities.notified`), and commits are as
    durable as the server's settings make them, whatever was asked for (`capabilities.durable`). What else the address
    holds (`options=…`) is for the pooler to take or to refuse.
    """

    def __init__(
        self, server: Server, kinds: Kinds, reader: Reader, *, durable: bool, clock: Clock, max_event_bytes: int
    ) -> None:
        self.server = server
        self.address = server.address.shown
        self.clock = clock
        self.capabilities = Capabilities(durable=durable, shared=True, notified=not server.pooled, parallel=True)
        self.reading = reader
        self._kinds = kinds
        self.watch = Watch(server)
        self.writer = Writer(server, kinds, clock, self.watch.notify)
        self._remover = Remover(server, kinds, clock)
        self._max_event_bytes = max_event_bytes
        self._turns = Turns()
        self._closed = False

    @classmethod
    async def open(
        cls, url: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None,
        max_event_bytes: int = MAX_EVENT_BYTES, patience: float = 10.0,
    ) -> Self:  # fmt: skip
        """Open the store at 'postgresql://…?schema=name', made in its schema if there is none and `create`.

        `patience`: for how many seconds to try again what a lost connection or a conflict between transactions has
        kept from being done. `durable=False` acknowledges before the disk has it (synchronous_commit=off): a crash of
        the server may lose the last moments, never consistency.
        Raises BadInput, StoreUnavailable, StoreRefused, StoreNotFound, StoreOutdated, StoreTooNew.
        """
        server = await Server.reach(parse(url), patience=patience, durable=durable)
        try:
            await _prepare(server, create)
            await server.open_pool()
            kinds = Kinds(server)
            await kinds.refresh()
            id, synced = await server.run(_facts(server))
        except BaseException:
            await server.close()
            raise
        return cls(
            server, kinds, Reader(server, kinds, id), durable=synced, clock=clock or SystemClock(),
            max_event_bytes=max_event_bytes,
        )  # fmt: skip

    @staticmethod
    async def migrate(url: str) -> list[str]:
        """Apply the migrations that the store at `url` does not have yet; their names."""
        address = parse(url)
        server = await Server.reach(address, patience=0)
        try:
            async with await server.connect() as connection:
                done = await migrations.migrate(connection, address.schema, address.shown)
        except psycopg.Error as error:
            raise translate(error, address.shown) from error
        return [each.name for each in done]

    # -- writing

    async def append(
        self, *writes: Write, condition: Condition | None = None, id: str = "", fingerprint: str = ""
    ) -> Appended:
        check_writes(writes, id, self._max_event_bytes)
        return await self.writer.append(Order(writes, condition, id, fingerprint))

    async def decide(
        self, stream: str, decision: Decision, *, after: int = 0, id: str = "", fingerprint: str = ""
    ) -> Appended:
        check_stream(stream)
        async with self._turns.of(stream):
            return await decide_optimistically(self, stream, decision, after=after, id=id, fingerprint=fingerprint)

    async def receipts(self, after: str = "", *, limit: int = 1000) -> list[Receipt]:
        return await moving.receipts(self.server, after, limit)

    async def restore(self, events: Sequence[Envelope], receipts: Sequence[Receipt] = ()) -> None:
        await moving.restore(self.server, self._kinds, events, receipts)
        self.watch.notify(events[-1].position if events else 0)

    async def remove(self, *cuts: Cut, actor: str = "", reason: str = "") -> Removed:
        done = await self._remover.remove(cuts, actor, reason)
        self.watch.notify(done.position)
        return done

    async def close_stream(self, stream: str, *, actor: str = "", reason: str = "") -> int:
        version, position = await self._remover.close(stream, actor, reason)
        self.watch.notify(position)
        return version

    async def marks(self, after: str = "", *, limit: int = 1000) -> list[StreamMark]:
        return await self._remover.marks(after, limit)

    async def mark(self, marks: Sequence[StreamMark]) -> None:
        await self._remover.mark(marks)

    async def put_back(self, events: Sequence[Envelope], *, actor: str = "", reason: str = "") -> Position:
        position = await self._remover.put_back(events, actor, reason)
        self.watch.notify(position)
        return position

    # -- reading

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        check_stream(stream)
        return await self.reading.load(stream, after, limit)

    async def scan(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Batch:
        return await self.reading.scan(query, after, limit)

    async def read(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Page:
        return await self.reading.read(query, after, limit)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        check_stream(stream)
        return await self.reading.read_stream(stream, after, limit)

    async def find_append(self, id: str, fingerprint: str = "") -> Appended | None:
        return await self.writer.find(id, fingerprint) if id.isprintable() else None

    async def head(self) -> Position:
        return await self.reading.head()

    async def wait(self, after: Position, *, timeout: float) -> Position:
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        while (head := await self.head()) <= after:
            if not await self.watch.changed(give_up - now()):
                return await self.head()
        return head

    async def size(self) -> Size:
        sql = self.server.sql(SIZE)

        async def ask(connection: Connection) -> Size:
            cursor = await connection.execute(sql, (self.server.address.schema,))
            return Size(*(await cursor.fetchone() or ()))

        return await self.server.run(ask)

    async def obstacles(self) -> list[str]:
        sql = self.server.sql(OBSTACLES)

        async def ask(connection: Connection) -> list[str]:
            return [line for (line,) in await (await connection.execute(sql)).fetchall()]

        return await self.server.run(ask)

    async def check(self) -> list[str]:
        sql = self.server.sql(CHECK)

        async def ask(connection: Connection) -> list[str]:
            return [line for (line,) in await (await connection.execute(sql)).fetchall()]

        return await self.server.run(ask)

    # -- life

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.writer.close()
        self.server.closed = True  # so that those whom the watch wakes find it closed
        await self.watch.close()
        await self.server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())


async def _prepare(server: Server, create: bool) -> None:
    """Make the store where there is none and one is wanted; else it must be of this version."""
    schema, shown = server.address.schema, server.address.shown
    try:
        async with await server.connect() as connection:
            if create and not await migrations.stored_version(connection, schema):
                await migrations.migrate(connection, schema, shown)
            await migrations.check(connection, schema, shown)
    except psycopg.Error as error:
        raise translate(error, shown) from error


def _facts(server: Server) -> Any:
    async def ask(connection: Connection) -> tuple[str, bool]:
        ids: Sequence[Any] = await (await connection.execute(server.sql(STORE_ID))).fetchall()
        synced: Any = await (await connection.execute(SYNCED)).fetchone()
        await _check_rights(connection, server)
        if len(ids) != 1:
            raise StoreCorrupt(server.address.shown, "it has no name, or several")
        return ids[0][0], synced[0]

    return ask


async def _check_rights(connection: Connection, server: Server) -> None:
    """Who may not see what has been drawn would find the store empty: the order fence is made of that."""
    allowed, grant = await (await connection.execute(server.sql(MAY_READ))).fetchone() or (False, "")
    if not allowed:
        raise StoreRefused(server.address.shown, f"this user may not see how far the events go; {grant}")

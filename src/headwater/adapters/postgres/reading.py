"""Reading events: a stream or the whole order, one by one or encoded together."""

from typing import Any

from headwater.adapters.postgres.kinds import Kinds
from headwater.adapters.postgres.queries import WINDOW, matching
from headwater.adapters.postgres.server import Connection, Server
from headwater.errors import StreamTruncated
from headwater.messages import Batch, Envelope, Page, Position, Query
from headwater.store.meta import decode_meta

HEAD = "SELECT headwater.head()"
AS_JSON = "'[[' || string_agg(kind || ',' || data, '],[' ORDER BY {}) || ']]'"
LOAD = f"""
    SELECT max(version), max(position), {AS_JSON.format("version")}, max(kind),
        (SELECT removed FROM headwater.stream WHERE name = %s)
    FROM (
        SELECT version, position, kind, data FROM headwater.event
        WHERE stream = (SELECT id FROM headwater.stream WHERE name = %s) AND version > %s
        ORDER BY version LIMIT %s) AS e
"""
SCAN = f"""
    SELECT count(*), max(position), {AS_JSON.format("position")}, max(kind) FROM (
        SELECT position, kind, data FROM headwater.event WHERE {{}} ORDER BY position LIMIT %s) AS e
"""
COLUMNS = "position, s.name, e.version, kind, time, data, meta"
READ = f"""
    SELECT {COLUMNS} FROM headwater.event AS e JOIN headwater.stream AS s ON s.id = e.stream
    WHERE {{}} ORDER BY position LIMIT %s
"""
READ_STREAM = f"""
    SELECT {COLUMNS} FROM headwater.event AS e JOIN headwater.stream AS s ON s.id = e.stream
    WHERE s.name = %s AND e.version > %s ORDER BY e.version LIMIT %s
"""
STORE_ID = "SELECT id FROM headwater.store"


class Reader:
    """Answers what is asked, on any connection. What goes by position stays behind the order fence."""

    def __init__(self, server: Server, kinds: Kinds, store_id: str) -> None:
        self._server = server
        self._kinds = kinds
        self._store_id = store_id
        self._highest: Position = 0
        self._connections = 0

    async def head(self) -> Position:
        """See EventStore.head."""
        rows = await self._rows(HEAD, ())
        self._highest = max(self._settled, rows[0][0])
        return self._highest

    @property
    def _settled(self) -> Position:
        """The highest head seen: nothing at or below it changes, unless the server has lost its last moments."""
        if self._connections != self._server.connections:
            self._connections, self._highest = self._server.connections, 0
        return self._highest

    async def load(self, stream: str, after: int, limit: int) -> Batch:
        """See EventStore.load. Versions of one stream are committed in their order, so no fence is needed."""
        version, position, text, kind, removed = (await self._rows(LOAD, (stream, stream, after, limit)))[0]
        if removed and removed > after:
            raise StreamTruncated(stream, removed)
        if version is None:
            return Batch("[]", self._kinds.all, 0, 0, after)
        await self._kinds.cover(kind)
        return Batch(text, self._kinds.all, version - after, position, version)

    async def scan(self, query: Query, after: Position, limit: int) -> Batch:
        """See EventStore.scan."""
        while True:
            upto, known = await self._upto(query, after, limit), self._server.connections
            where, values = matching(query, after, upto)
            row = (await self._rows(SCAN.format(where), (*values, limit)))[0]
            if known == self._server.connections:
                return await self._batch(row, after, limit, upto)

    async def scan_on(self, connection: Connection, query: Query, after: Position, limit: int, upto: Position) -> Batch:
        """`scan` as a transaction sees it beside which nobody appends."""
        where, values = matching(query, after, upto)
        cursor = await connection.execute(self._server.sql(SCAN.format(where)), (*values, limit), prepare=True)
        row: Any = await cursor.fetchone()
        return await self._batch(row, after, limit, upto, connection)

    async def _batch(
        self, row: tuple[Any, ...], after: Position, limit: int, upto: Position, on: Connection | None = None
    ) -> Batch:
        count, position, text, kind = row
        if count:
            await self._kinds.cover(kind, on)
        return Batch(text or "[]", self._kinds.all, count, position if count == limit else max(upto, after))

    async def read(self, query: Query, after: Position, limit: int) -> Page:
        """See EventStore.read."""
        while True:
            head, known = await self.head(), self._server.connections
            upto = min(head, after + WINDOW) if query.items else head
            where, values = matching(query, after, upto)
            rows = await self._rows(READ.format(where), (*values, limit))
            if known == self._server.connections:
                break
        events = [await self._envelope(row) for row in rows]
        return Page(events, events[-1].position if len(events) == limit else max(upto, after), head)

    async def read_stream(self, stream: str, after: int, limit: int) -> list[Envelope]:
        """See EventStore.read_stream."""
        return [await self._envelope(row) for row in await self._rows(READ_STREAM, (stream, after, limit))]

    async def _upto(self, query: Query, after: Position, limit: int) -> Position:
        """How far to look: what is known to be settled, if that is enough; else up to the head."""
        enough = after + (WINDOW if query.items else limit)
        head = self._settled if enough <= self._settled else await self.head()
        return min(head, after + WINDOW) if query.items else head

    async def _rows(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        async def ask(connection: Connection) -> list[tuple[Any, ...]]:
            cursor = await connection.execute(self._server.sql(sql), parameters, prepare=True, binary=True)
            return await cursor.fetchall()

        return await self._server.run(ask)

    async def _envelope(self, row: tuple[Any, ...]) -> Envelope:
        position, stream, version, number, time, data, meta = row
        await self._kinds.cover(number)
        type, type_version = self._kinds.all[number]
        stored = decode_meta(meta)
        return Envelope(
            position, stream, version, stored.id or f"{self._store_id}-{position}", type, type_version,
            data.encode(), time, stored.tags, stored.metadata,
        )  # fmt: skip

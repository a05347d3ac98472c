"""Snapshots, in the schema of the events."""

from collections.abc import Sequence
from typing import Any

from headwater.adapters.postgres.server import Connection
from headwater.adapters.postgres.store import PostgresStore
from headwater.store.snapshots import Snapshot

GET = """
    SELECT k.version, k.position, k.time, k.state FROM headwater.snapshot AS k
    JOIN headwater.stream AS s ON s.name = k.stream
    JOIN headwater.event AS e ON e.stream = s.id AND e.version = k.version
    WHERE e.position = k.position AND e.time = k.time AND k.stream = %s AND k.decider = %s AND k.fold = %s
"""
PUT = """
    WITH superseded AS (DELETE FROM headwater.snapshot WHERE stream = %s AND decider = %s AND fold < %s)
    INSERT INTO headwater.snapshot VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (stream, decider, fold) DO UPDATE
    SET version = excluded.version, position = excluded.position, time = excluded.time, state = excluded.state
"""
DROP = """
    WITH gone AS (DELETE FROM headwater.snapshot WHERE %s = '' OR stream = %s RETURNING 1) SELECT count(*) FROM gone
"""
ALL = """
    SELECT stream, decider, fold, version, position, time, state FROM headwater.snapshot
    WHERE stream IN (SELECT DISTINCT stream FROM headwater.snapshot WHERE stream > %s ORDER BY stream LIMIT %s)
    ORDER BY stream, decider, fold
"""


class PostgresSnapshots:
    """SnapshotStore in the schema of a PostgresStore."""

    def __init__(self, store: PostgresStore) -> None:
        self._server = store.server

    async def get(self, stream: str, decider: str, fold: int) -> Snapshot | None:
        rows = await self._ask(GET, stream, decider, fold)
        if not rows:
            return None
        version, position, time, state = rows[0]
        return Snapshot(stream, decider, fold, version, position, time, state.encode())

    async def put(self, snapshot: Snapshot) -> None:
        of = snapshot.stream, snapshot.decider, snapshot.fold
        parameters = *of, *of, snapshot.version, snapshot.position, snapshot.time, snapshot.state.decode()

        async def do(connection: Connection) -> None:
            await connection.execute(self._server.sql(PUT), parameters, prepare=True)

        await self._server.run(do)  # may be done twice

    async def drop(self, stream: str = "") -> int:
        return int((await self._ask(DROP, stream, stream))[0][0])

    async def all(self, *, after: str = "", limit: int = 1000) -> Sequence[Snapshot]:
        rows = await self._ask(ALL, after, limit)
        return [
            Snapshot(stream, decider, fold, version, position, time, state.encode())
            for stream, decider, fold, version, position, time, state in rows
        ]

    async def _ask(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        async def ask(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(self._server.sql(sql), parameters, prepare=True)).fetchall()

        return await self._server.run(ask)

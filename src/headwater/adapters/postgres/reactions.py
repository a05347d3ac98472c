"""Reactions' checkpoints and timers, in the schema of the events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headwater.adapters.postgres.server import Connection
from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import Metadata, Position
from headwater.reactions.port import Timer

CHECKPOINT = "SELECT position FROM headwater.checkpoint WHERE name = %s"
CHECKPOINTS = "SELECT name, position FROM headwater.checkpoint"
MOVE = """
    INSERT INTO headwater.checkpoint AS c VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET position = greatest(c.position, excluded.position)
"""
PUT = """
    INSERT INTO headwater.timer VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO UPDATE
    SET id = excluded.id, due = excluded.due, command = excluded.command, data = excluded.data, meta = excluded.meta
"""
REMOVE = "DELETE FROM headwater.timer WHERE key = %s AND (%s = '' OR id = %s)"
DUE = "SELECT key, id, due, command, data, meta FROM headwater.timer WHERE due <= %s ORDER BY due, key LIMIT %s"
NEXT_DUE = "SELECT min(due) FROM headwater.timer"


class PostgresReactions:
    """ReactionStore in the schema of a PostgresStore."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def checkpoint(self, name: str) -> Position:
        rows = await self._ask(CHECKPOINT, name)
        return int(rows[0][0]) if rows else 0

    async def checkpoints(self) -> dict[str, Position]:
        return {str(name): int(position) for name, position in await self._ask(CHECKPOINTS)}

    async def move(self, name: str, position: Position) -> None:
        await self._do(MOVE, name, position)

    async def put_timer(self, timer: Timer) -> None:
        meta = msgspec.json.encode(timer.metadata).decode()
        await self._do(PUT, timer.key, timer.id, timer.due, timer.command, timer.data.decode(), meta)

    async def remove_timer(self, key: str, id: str = "") -> None:
        await self._do(REMOVE, key, id, id)

    async def due_timers(self, now: int, limit: int = 100) -> Sequence[Timer]:
        return [
            Timer(key, id, due, command, data.encode(), msgspec.json.decode(meta, type=Metadata))
            for key, id, due, command, data, meta in await self._ask(DUE, now, limit)
        ]

    async def next_due(self) -> int | None:
        due: int | None = (await self._ask(NEXT_DUE))[0][0]
        return due

    async def _ask(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        server = self._store.server

        async def ask(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(server.sql(sql), parameters, prepare=True)).fetchall()

        return await server.run(ask)

    async def _do(self, sql: str, *parameters: object) -> None:
        """Every change here may be made twice."""
        server = self._store.server

        async def do(connection: Connection) -> None:
            await connection.execute(server.sql(sql), parameters, prepare=True)

        await server.run(do)
        self._store.watch.notify()

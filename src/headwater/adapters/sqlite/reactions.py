"""Reactions' checkpoints and timers, in the file of the events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headwater.adapters.sqlite.faults import translated
from headwater.adapters.sqlite.store import SqliteStore
from headwater.messages import Metadata, Position
from headwater.reactions.port import Timer

MOVE = """
    INSERT INTO checkpoint VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET position = max(position, excluded.position)
"""
DUE = "SELECT key, id, due, command, data, meta FROM timer WHERE due <= ? ORDER BY due, key LIMIT ?"


class SqliteReactions:
    """ReactionStore in the file of a SqliteStore."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def checkpoint(self, name: str) -> Position:
        with translated(self._store.path):
            sql = "SELECT coalesce((SELECT position FROM checkpoint WHERE name = ?), 0)"
            position: Position = self._store.reader.execute(sql, (name,)).get
        return position

    async def checkpoints(self) -> dict[str, Position]:
        with translated(self._store.path):
            return dict(self._store.reader.execute("SELECT name, position FROM checkpoint"))

    async def move(self, name: str, position: Position) -> None:
        # Losing the last moves in a power cut only repeats work that counts once.
        await self._store.transact(lambda connection: connection.execute(MOVE, (name, position)), durable=False)

    async def put_timer(self, timer: Timer) -> None:
        meta = msgspec.json.encode(timer.metadata).decode()
        row = (timer.key, timer.id, timer.due, timer.command, timer.data.decode(), meta)
        sql = "INSERT OR REPLACE INTO timer VALUES (?, ?, ?, ?, ?, ?)"
        await self._store.transact(lambda connection: connection.execute(sql, row))

    async def remove_timer(self, key: str, id: str = "") -> None:
        sql = "DELETE FROM timer WHERE key = ?1 AND (?2 = '' OR id = ?2)"
        await self._store.transact(lambda connection: connection.execute(sql, (key, id)))

    async def due_timers(self, now: int, limit: int = 100) -> Sequence[Timer]:
        with translated(self._store.path):
            rows: list[Any] = self._store.reader.execute(DUE, (now, limit)).fetchall()
        return [
            Timer(key, id, due, command, data.encode(), msgspec.json.decode(meta, type=Metadata))
            for key, id, due, command, data, meta in rows
        ]

    async def next_due(self) -> int | None:
        with translated(self._store.path):
            due: int | None = self._store.reader.execute("SELECT min(due) FROM timer").get
        return due

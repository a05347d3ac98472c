"""Snapshots, in the file of the events."""

from collections.abc import Sequence
from typing import Any

import apsw

from headwater.adapters.sqlite.faults import reading
from headwater.adapters.sqlite.store import SqliteStore
from headwater.store.snapshots import Snapshot

# The row number of an event is its position.
GET = """
    SELECT k.version, k.position, k.time, k.state FROM snapshot AS k
    JOIN event ON event.position = k.position AND event.version = k.version AND event.time = k.time
    JOIN stream ON stream.id = event.stream AND stream.name = k.stream
    WHERE k.stream = ? AND k.decider = ? AND k.fold = ?
"""
PUT = "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?, ?, ?, ?)"
SUPERSEDE = "DELETE FROM snapshot WHERE stream = ? AND decider = ? AND fold < ?"
DROP = "DELETE FROM snapshot WHERE ?1 = '' OR stream = ?1"
ALL = """
    SELECT stream, decider, fold, version, position, time, state FROM snapshot
    WHERE stream IN (SELECT DISTINCT stream FROM snapshot WHERE stream > ? ORDER BY stream LIMIT ?)
    ORDER BY stream, decider, fold
"""


class SqliteSnapshots:
    """SnapshotStore in the file of a SqliteStore."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._faults = reading(store.path)

    async def get(self, stream: str, decider: str, fold: int) -> Snapshot | None:
        with self._faults:
            row: Any = self._store.reader.execute(GET, (stream, decider, fold)).get
        if row is None:
            return None
        version, position, time, state = row
        return Snapshot(stream, decider, fold, version, position, time, _bytes(state))

    async def put(self, snapshot: Snapshot) -> None:
        of = snapshot.stream, snapshot.decider, snapshot.fold
        row = *of, snapshot.version, snapshot.position, snapshot.time, snapshot.state.decode()

        def work(connection: apsw.Connection) -> None:
            connection.execute(PUT, row)
            connection.execute(SUPERSEDE, of)

        await self._store.transact(work, durable=False)

    async def drop(self, stream: str = "") -> int:
        def work(connection: apsw.Connection) -> int:
            connection.execute(DROP, (stream,))
            return connection.changes()

        return await self._store.transact(work)

    async def all(self, *, after: str = "", limit: int = 1000) -> Sequence[Snapshot]:
        with self._faults:
            rows: list[Any] = self._store.reader.execute(ALL, (after, limit)).fetchall()
            return [
                Snapshot(stream, decider, fold, version, position, time, _bytes(state))
                for stream, decider, fold, version, position, time, state in rows
            ]


def _bytes(state: Any) -> bytes:
    """What somebody has written into the column may be of any type: it will not decode, and is not used."""
    return state if isinstance(state, bytes) else str(state).encode()

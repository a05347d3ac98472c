"""Users' SQL: on a connection that cannot write, in a thread of its own, with a time limit."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apsw

from headwater.adapters.sqlite.faults import translated
from headwater.adapters.sqlite.schema import connect
from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import BadInput

TIME_LIMIT = 10.0  # seconds
STEPS = 10_000  # virtual machine steps between two looks at the time


class ReadOnly:
    """Runs queries beside the event loop; writing is refused by SQLite itself."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._connection: apsw.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "headwater-sqlite-query")

    async def select(self, sql: str, parameters: Sequence[Any], *, names: bool) -> list[Any]:
        """Rows of a query. Raises BadInput for SQL that is wrong, writes or takes too long."""
        if self._store.capabilities.shared:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._select, sql, parameters, names)
        return self._select(sql, parameters, names)

    def _select(self, sql: str, parameters: Sequence[Any], names: bool) -> list[Any]:
        connection = self._connect()
        connection.execute("PRAGMA query_only=1")
        connection.set_progress_handler(_limit(TIME_LIMIT), STEPS)
        try:
            cursor = connection.cursor()
            with translated(self._store.path):
                rows: list[Any] = cursor.execute(sql, parameters).fetchall()
            if not rows or not names:
                return rows
            titles = [column[0] for column in cursor.description_full] if rows else []
            return [dict(zip(titles, row, strict=True)) for row in rows]
        except apsw.InterruptError as error:
            raise BadInput(f"the query took over {TIME_LIMIT:g} s and was stopped") from error
        except (apsw.SQLError, apsw.BindingsError, apsw.ReadOnlyError, apsw.RangeError) as error:
            raise BadInput(f"the query cannot be run: {error}") from error
        finally:
            connection.set_progress_handler(None)
            connection.execute("PRAGMA query_only=0")

    def _connect(self) -> apsw.Connection:
        if not self._store.capabilities.shared:
            return self._store.connection
        if self._connection is None:
            self._connection = connect(self._store.path, durable=True)
        return self._connection

    async def close(self) -> None:
        """Let a running query end, then release the connection."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        if self._connection:
            self._connection.close()


def _limit(seconds: float) -> Callable[[], bool]:
    give_up = time.monotonic() + seconds
    return lambda: time.monotonic() > give_up

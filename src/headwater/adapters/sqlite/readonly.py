"""Users' SQL: on a connection that cannot write, in a thread of its own, with a time limit."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import apsw

from headwater.adapters.sqlite.faults import translate
from headwater.adapters.sqlite.files import SMALL_CACHE_KIB, connect
from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import BadInput, StoreError

TIME_LIMIT = 10.0  # seconds
STEPS = 10_000  # virtual machine steps between two looks at the time
READING = {apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE}


class ReadOnly:
    """Runs queries beside the event loop. SQLite's authorizer refuses all but reading: pragmas, transactions and
    attached files too."""

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
        connection.authorizer = _only_reading
        connection.set_progress_handler(_limit(TIME_LIMIT), STEPS)
        try:
            return _rows(connection.cursor(), sql, parameters, names)
        except (apsw.Error, TypeError, ValueError, OverflowError) as error:
            raise _refusal(error, self._store.path) from error
        finally:
            connection.set_progress_handler(None)
            connection.authorizer = None

    def _connect(self) -> apsw.Connection:
        if not self._store.capabilities.shared:
            return self._store.connection
        if self._connection is None:
            self._connection = connect(self._store.path, cache_kib=SMALL_CACHE_KIB)
        return self._connection

    async def close(self) -> None:
        """Let a running query end, then release the connection."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        if self._connection:
            self._connection.close()


def _rows(cursor: apsw.Cursor, sql: str, parameters: Sequence[Any], names: bool) -> list[Any]:
    titles: list[list[str]] = []

    def one_statement(running: apsw.Cursor, _sql: str, _parameters: Any) -> bool:
        columns = [column[0] for column in running.get_description()]
        if columns and titles:
            raise BadInput("the query cannot be run: it has more than one statement")
        if columns:  # nothing but a comment or a semicolon has none
            titles.append(columns)
        return True

    cursor.exec_trace = one_statement
    rows: list[Any] = cursor.execute(sql, tuple(parameters)).fetchall()
    if not titles:
        raise BadInput("the query is empty")
    return [dict(zip(titles[0], row, strict=True)) for row in rows] if names else rows


def _only_reading(action: int, *_about: str | None) -> int:
    return apsw.SQLITE_OK if action in READING else apsw.SQLITE_DENY


def _refusal(error: Exception, store: str) -> BaseException:
    if isinstance(error, apsw.InterruptError):
        return BadInput(f"the query took over {TIME_LIMIT:g} s and was stopped")
    if isinstance(error, apsw.AuthError):
        return BadInput(f"the query cannot be run: it may only read ({error})")
    typed = translate(error, store)
    return typed if isinstance(typed, StoreError) else BadInput(f"the query cannot be run: {error}")


def _limit(seconds: float) -> Callable[[], bool]:
    give_up = time.monotonic() + seconds
    return lambda: time.monotonic() > give_up

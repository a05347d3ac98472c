"""A database as one service has it: SQL on SQLite or PostgreSQL, in transactions that are durable when they end."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, TypeVar

from headwater.errors import BadInput

T = TypeVar("T")
Row = Mapping[str, Any]

_SQLITE = "sqlite:///"
_WAIT = 5.0  # seconds for another process to be done with the file


class Connection(Protocol):
    """What data access needs of a connection. Statements have `?` where values go."""

    def run(self, sql: str, *values: Any) -> None:
        """Execute a statement."""

    def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        """What a query finds."""

    def begin(self, *, write: bool) -> None:
        """Begin a transaction."""

    def commit(self) -> None:
        """End it well."""

    def rollback(self) -> None:
        """End it as if it had never been; nothing where there is none."""

    def close(self) -> None:
        """Close the connection."""


class _Line:
    """A connection with the one thread that uses it; opened again when it is found broken."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], T], *, write: bool) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work, write)

    def _run(self, work: Callable[[Connection], T], write: bool) -> T:
        connection = self._connection = self._connection or connect(self._address)
        try:
            connection.begin(write=write)
            result = work(connection)
            connection.commit()
        except BaseException:
            self._undo(connection)
            raise
        return result

    def _undo(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except Exception:  # whatever it was, the next one gets a new connection; the first error is the one to tell
            self._connection = None
            connection.close()

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Database:
    """One service's database. Work on it is a function of a connection. It runs in one of two threads, for reading and
    for writing, one after the other: so a service never waits for its own locks."""

    def __init__(self, address: str) -> None:
        self._writer, self._reader = _Line(address), _Line(address)

    @classmethod
    async def open(cls, address: str, tables: Sequence[str]) -> "Database":
        """Open the database at `sqlite:///file` or `postgresql://…?schema=…`, and make tables that are not there.
        Raises BadInput for another address."""
        database = cls(address)

        def make(on: Connection) -> None:
            for each in tables:
                on.run(each)

        await database.change(make)
        return database

    async def change(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, in a transaction that is durable when this returns; undone where it raises."""
        return await self._writer.run(work, write=True)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work`, which only reads, returns."""
        return await self._reader.run(work, write=False)

    async def close(self) -> None:
        """Close it once what was begun is done."""
        await self._writer.close()
        await self._reader.close()


def connect(address: str) -> Connection:
    """A connection, for use in one thread. Raises BadInput."""
    if address.startswith(_SQLITE):
        return _Sqlite(Path(address.removeprefix(_SQLITE)))
    if address.startswith(("postgresql://", "postgres://")):
        return _Postgres(address)
    raise BadInput(f"{address!r} is no database: give sqlite:///file.db or postgresql://…?schema=name")


class _Sqlite:
    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def run(self, sql: str, *values: Any) -> None:
        self._connection.execute(sql, values)

    def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._connection.execute(sql, values).fetchall()

    def begin(self, *, write: bool) -> None:
        self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, address: str) -> None:
        import psycopg
        from psycopg.rows import dict_row

        plain, _, schema = address.partition("?schema=")
        self._connection = psycopg.connect(plain, autocommit=True, row_factory=dict_row)
        if schema:
            with closing(self._connection.cursor()) as cursor:
                name = psycopg.sql.Identifier(schema)
                cursor.execute(psycopg.sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
                cursor.execute(psycopg.sql.SQL("SET search_path TO {}").format(name))

    def run(self, sql: str, *values: Any) -> None:
        self._connection.execute(_percent(sql), values)

    def rows(self, sql: str, *values: Any) -> Sequence[Row]:
        return self._connection.execute(_percent(sql), values).fetchall()

    def begin(self, *, write: bool) -> None:
        self._connection.execute("BEGIN" if write else "BEGIN READ ONLY")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


def _percent(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()

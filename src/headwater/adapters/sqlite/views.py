"""Views as tables in the same SQLite file as the events, so that inline views change with the append itself.

Each build has tables of its own (`order_summary__7`); SQL views under the plain names show the live build.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from headwater.adapters.sqlite.faults import translated
from headwater.adapters.sqlite.readonly import ReadOnly
from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import BadInput, DeclarationError, Fenced
from headwater.messages import Position
from headwater.views.port import Advance, Build, Changes
from headwater.views.table import Row, Table

MAX_INT = 2**63
TYPES = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "decimal": "TEXT", "json": "TEXT", "boolean": "INTEGER"}
BUILD = "id, name, version, definition, position, epoch, live"
MOVE = "UPDATE view_build SET position = ? WHERE id = ? AND position = ? AND epoch = ?"


class SqliteViews:
    """ViewStore in the file of a SqliteStore, written by its one writer."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._readonly = ReadOnly(store)

    async def builds(self) -> list[Build]:
        with translated(self._store.path):
            return self._builds(self._store.reader)

    @staticmethod
    def _builds(connection: apsw.Connection) -> list[Build]:
        rows: list[Any] = connection.execute(f"SELECT {BUILD} FROM view_build ORDER BY id").fetchall()
        return [_build(row) for row in rows]

    def live(self, connection: apsw.Connection) -> list[Build]:
        """The live builds as a connection sees them."""
        return [build for build in self._builds(connection) if build.live]

    async def create(self, name: str, version: int, definition: str, tables: Sequence[Table]) -> Build:
        def work(connection: apsw.Connection) -> Build:
            live = all(build.name != name for build in self._builds(connection))
            sql = f"INSERT INTO view_build (name, version, definition, live) VALUES (?, ?, ?, ?) RETURNING {BUILD}"
            row: Any = connection.execute(sql, (name, version, definition, live)).get
            build = _build(row)
            with _folded(build):
                for table in tables:
                    _create_table(connection, build, table)
            if live:
                _publish(connection, build, tables)
            return build

        return await self._store.transact(work)

    async def claim(self, build: Build) -> Build:
        def work(connection: apsw.Connection) -> Build:
            sql = f"UPDATE view_build SET epoch = epoch + 1 WHERE id = ? RETURNING {BUILD}"
            row: Any = connection.execute(sql, (build.id,)).get
            if row is None:
                raise Fenced(build.name)
            return _build(row)

        return await self._store.transact(work)

    async def promote(self, build: Build, tables: Sequence[Table]) -> None:
        def work(connection: apsw.Connection) -> None:
            connection.execute("UPDATE view_build SET live = 1 WHERE id = ? AND epoch = ?", (build.id, build.epoch))
            if connection.changes() != 1:
                raise Fenced(build.name)
            for other in self._builds(connection):
                if other.name == build.name and other.id != build.id:
                    _remove(connection, other)
            if not build.live:
                _publish(connection, build, tables)

        await self._store.transact(work)

    async def drop(self, build: Build) -> None:
        def work(connection: apsw.Connection) -> None:
            for stored in self._builds(connection):
                if stored.id == build.id and stored.live == build.live:  # one that took over meanwhile stays
                    _remove(connection, stored)

        await self._store.transact(work)

    async def rows(self, build: Build, table: Table, keys: Sequence[str]) -> list[Row]:
        with translated(self._store.path), _asked(build):
            return self.rows_on(self._store.reader, build, table, keys)

    @staticmethod
    def rows_on(connection: apsw.Connection, build: Build, table: Table, keys: Sequence[str]) -> list[Row]:
        """`rows` on a given connection, at once."""
        sql = f"SELECT * FROM {_physical(build, table)} WHERE {_quoted(table.columns[0].name)} = ?"
        cursor = connection.cursor()
        return [row for key in keys for row in cursor.execute(sql, (key,))]

    async def write(self, advances: Sequence[Advance]) -> list[Build]:
        return await self._store.transact(lambda connection: self.write_on(connection, advances), durable=False)

    def write_on(self, connection: apsw.Connection, advances: Sequence[Advance]) -> list[Build]:
        """`write` on the writer's connection, inside its transaction."""
        for build, _, _, position in advances:
            connection.execute(MOVE, (position, build.id, build.position, build.epoch))
            if connection.changes() != 1:
                raise Fenced(build.name)
        for build, tables, changes, _ in advances:
            with _folded(build):
                _apply(connection, build, tables, changes)
        return [_moved(build, position) for build, _, _, position in advances]

    async def select(self, sql: str, parameters: Sequence[Any], *, names: bool = True) -> list[Any]:
        return await self._readonly.select(sql, parameters, names=names)

    async def find(
        self, build: Build, table: Table, where: Sequence[tuple[str, Sequence[Any]]], order: Sequence[tuple[str, bool]],
        limit: int, offset: int,
    ) -> list[Row]:  # fmt: skip
        clause, values = _where(where)
        by = ", ".join(_order(table, name, descending) for name, descending in order)
        sql = f"SELECT * FROM {_physical(build, table)}{clause}{' ORDER BY ' + by if by else ''} LIMIT ? OFFSET ?"
        with translated(self._store.path), _asked(build):
            rows: list[Any] = self._store.reader.execute(sql, (*values, limit, offset)).fetchall()
        return rows

    async def count(self, build: Build, table: Table, where: Sequence[tuple[str, Sequence[Any]]]) -> int:
        clause, values = _where(where)
        with translated(self._store.path), _asked(build):
            sql = f"SELECT count(*) FROM {_physical(build, table)}{clause}"
            number: int = self._store.reader.execute(sql, values).get
        return number

    async def names(self) -> list[str]:
        sql = "SELECT name FROM sqlite_schema WHERE type = 'view' AND name <> 'events' ORDER BY name"
        with translated(self._store.path):
            return [name for (name,) in self._store.reader.execute(sql)]

    async def changed(self, timeout: float) -> bool:
        return await self._store.watch.changed(timeout)

    async def close(self) -> None:
        """Release the connection that queries use."""
        await self._readonly.close()


@contextmanager
def _asked(build: Build) -> Iterator[None]:
    """Reading a build's table: it may have been dropped since, and the caller may ask for what no column can hold."""
    try:
        yield
    except apsw.SQLError as error:
        if "no such table" in str(error):
            raise Fenced(build.name) from error
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"view {build.name!r}: no column holds such a value: {error}") from error


@contextmanager
def _folded(build: Build) -> Iterator[None]:
    """Writing what a view's functions made."""
    try:
        yield
    except (apsw.SQLError, apsw.BindingsError, apsw.ConstraintError, apsw.MismatchError) as error:
        raise DeclarationError(f"view {build.name!r}: its SQL cannot be run: {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise DeclarationError(f"view {build.name!r}: a row or statement holds what SQLite cannot: {error}") from error


def _build(row: Sequence[Any]) -> Build:
    id, name, version, shape, position, epoch, live = row
    return Build(id, name, version, shape, position, epoch, bool(live))


def _moved(build: Build, position: Position) -> Build:
    return Build(build.id, build.name, build.version, build.definition, position, build.epoch, build.live)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _physical(build: Build, table: Table) -> str:
    return _quoted(f"{table.name}__{build.id}")


def _create_table(connection: apsw.Connection, build: Build, table: Table) -> None:
    name = _physical(build, table)
    if table.body:
        connection.execute(f"CREATE TABLE {name} ({table.body})")
        return
    key, *others = [f"{_quoted(column.name)} {TYPES[column.type]}" for column in table.columns]
    connection.execute(f"CREATE TABLE {name} ({', '.join([key + ' PRIMARY KEY', *others])}) WITHOUT ROWID")
    for number, columns in enumerate(table.indexes):
        names = ", ".join(map(_quoted, columns))
        connection.execute(f"CREATE INDEX {_quoted(f'{table.name}__{build.id}_{number}')} ON {name} ({names})")


def _publish(connection: apsw.Connection, build: Build, tables: Sequence[Table]) -> None:
    """Point the plain names at the build's tables."""
    for table in tables:
        name = _quoted(table.name)
        sql = "SELECT type FROM sqlite_schema WHERE lower(name) = ?"
        kind = connection.execute(sql, (table.name.lower(),)).get
        if kind is not None:
            raise DeclarationError(
                f"view {build.name!r}: the store itself or another view has a {kind} {table.name!r}; rename yours"
            )
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {_physical(build, table)}")


def _remove(connection: apsw.Connection, build: Build) -> None:
    """Drop a build's tables, and the SQL views that show them."""
    like = f"%\\_\\_{build.id}"
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE ? ESCAPE '\\'"
    names: list[Any] = connection.execute(sql, (like,)).fetchall()
    for (name,) in names:
        public = _quoted(name.removesuffix(f"__{build.id}"))
        if build.live:
            connection.execute(f"DROP VIEW IF EXISTS {public}")
        connection.execute(f"DROP TABLE {_quoted(name)}")
    connection.execute("DELETE FROM view_build WHERE id = ?", (build.id,))


def _apply(connection: apsw.Connection, build: Build, tables: Sequence[Table], changes: Changes) -> None:
    if changes.puts:
        _put_all(connection, _put(build, tables[0]), changes.puts)
    if changes.deletes:
        sql = f"DELETE FROM {_physical(build, tables[0])} WHERE {_quoted(tables[0].columns[0].name)} = ?"
        connection.executemany(sql, [(key,) for key in changes.deletes])
    if changes.statements:
        names = {table.name: _physical(build, table) for table in tables}
        _run(connection, changes, names)


def _put_all(connection: apsw.Connection, sql: str, rows: Sequence[Row]) -> None:
    """Integers that SQLite's 64 bits do not hold become their digits as bytes, which `int` reads back."""
    try:
        connection.executemany(sql, rows)
    except OverflowError:
        connection.executemany(sql, [tuple(map(_within_64_bits, row)) for row in rows])


def _within_64_bits(value: Any) -> Any:
    return b"%d" % value if value.__class__ is int and not -MAX_INT <= value < MAX_INT else value


def _run(connection: apsw.Connection, changes: Changes, names: dict[str, str]) -> None:
    resolved: dict[str, str] = {}
    cursor = connection.cursor()
    for sql, parameters in changes.statements:
        text = resolved.get(sql)
        if text is None:
            text = resolved[sql] = _resolve(sql, names)
        cursor.execute(text, parameters)


def _resolve(sql: str, names: dict[str, str]) -> str:
    """Put the build's tables in for `{table}`."""
    for name, physical in names.items():
        sql = sql.replace("{" + name + "}", physical)
    return sql


def _put(build: Build, table: Table) -> str:
    names = [_quoted(column.name) for column in table.columns]
    sets = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    return (
        f"INSERT INTO {_physical(build, table)} VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({names[0]}) DO UPDATE SET {sets}"
    )


def _order(table: Table, name: str, descending: bool) -> str:
    """Decimals are sorted by value (as far as doubles tell them apart), then by their digits."""
    down, column = " DESC" if descending else "", _quoted(name)
    decimal = any(each.name == name and each.type == "decimal" for each in table.columns)
    return f"CAST({column} AS REAL){down}, {column}{down}" if decimal else f"{column}{down}"


def _where(conditions: Sequence[tuple[str, Sequence[Any]]]) -> tuple[str, list[Any]]:
    if not conditions:
        return "", []
    parts = [_any_of(_quoted(name), values) for name, values in conditions]
    return " WHERE " + " AND ".join(parts), [value for _, values in conditions for value in values if value is not None]


def _any_of(name: str, values: Sequence[Any]) -> str:
    marks = ", ".join("?" for value in values if value is not None)
    if None not in values:
        return f"{name} IN ({marks})"
    return f"({name} IN ({marks}) OR {name} IS NULL)" if marks else f"{name} IS NULL"

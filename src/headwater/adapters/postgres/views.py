"""Views as tables in the schema of the events.

Each build has tables of its own (`order_summary__7`); SQL views under the plain names show the live build.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import psycopg
from psycopg import errors as pg

from headwater.adapters.postgres import view_sql
from headwater.adapters.postgres.readonly import select
from headwater.adapters.postgres.server import Connection
from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.postgres.view_sql import Order, Where, physical, quoted
from headwater.errors import BadInput, DeclarationError, Fenced
from headwater.views.port import Advance, Build, Changes
from headwater.views.table import Row, Table

T = TypeVar("T")

FENCED = "HW001"
COLUMNS = "id, name, version, definition, position, epoch, live"
BUILDS = f"SELECT {COLUMNS} FROM headwater.view_build ORDER BY id"
ALONE = "LOCK TABLE headwater.view_build IN SHARE ROW EXCLUSIVE MODE"
CREATE = (
    f"INSERT INTO headwater.view_build (name, version, definition, live) VALUES (%s, %s, %s, %s) RETURNING {COLUMNS}"
)
CLAIM = f"UPDATE headwater.view_build SET epoch = epoch + 1 WHERE id = %s RETURNING {COLUMNS}"
PROMOTE = "UPDATE headwater.view_build SET live = true WHERE id = %s AND epoch = %s"
REMOVE = "DELETE FROM headwater.view_build WHERE id = %s"
MOVE = "SELECT headwater.move_view(%s, %s, %s, %s)"
NAMES = "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = %s ORDER BY relname"
OWN_VIEWS = "events", "held"
NOT_SYNCED = "SET LOCAL synchronous_commit = off"  # views can be folded again


class PostgresViews:
    """ViewStore in the schema of a PostgresStore."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._server = store.server
        self._schema = store.server.address.schema

    # -- builds

    async def builds(self) -> list[Build]:
        return await self._server.run(self.builds_on)

    async def builds_on(self, connection: Connection) -> list[Build]:
        """`builds` as a connection's transaction sees them."""
        cursor = await connection.execute(self._server.sql(BUILDS), prepare=True)
        return [Build(*row) for row in await cursor.fetchall()]

    async def names(self) -> list[str]:
        async def ask(connection: Connection) -> list[str]:
            return [name for name in await self._names(connection, "v") if name not in OWN_VIEWS]

        return await self._server.run(ask)

    async def _names(self, connection: Connection, kind: str) -> list[str]:
        cursor = await connection.execute(NAMES, (quoted(self._schema), kind))
        return [name for (name,) in await cursor.fetchall()]

    async def create(self, name: str, version: int, definition: str, tables: Sequence[Table]) -> Build:
        async def work(connection: Connection) -> Build:
            live = all(build.name != name for build in await self.builds_on(connection))
            cursor = await connection.execute(self._server.sql(CREATE), (name, version, definition, live))
            build = Build(*(await cursor.fetchone() or ()))
            with _folded([Advance(build, tables, Changes(), 0)]):
                for table in tables:
                    for statement in view_sql.create(self._schema, build, table):
                        await connection.execute(statement.encode())
            if live:
                await self._publish(connection, build, tables)
            return build

        return await self._changing(work)

    async def claim(self, build: Build) -> Build:
        async def work(connection: Connection) -> Build:
            row = await (await connection.execute(self._server.sql(CLAIM), (build.id,))).fetchone()
            if row is None:
                raise Fenced(build.name)
            return Build(*row)

        return await self._changing(work)

    async def promote(self, build: Build, tables: Sequence[Table]) -> None:
        async def work(connection: Connection) -> None:
            done = await connection.execute(self._server.sql(PROMOTE), (build.id, build.epoch))
            if done.rowcount != 1:
                raise Fenced(build.name)
            for other in await self.builds_on(connection):
                if other.name == build.name and other.id != build.id:
                    await self._remove(connection, other)
            if not build.live:
                await self._publish(connection, build, tables)

        await self._changing(work)

    async def drop(self, build: Build) -> None:
        async def work(connection: Connection) -> None:
            for stored in await self.builds_on(connection):
                if stored.id == build.id and stored.live == build.live:  # one that took over meanwhile stays
                    await self._remove(connection, stored)

        await self._changing(work)

    async def _changing(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """A transaction that changes builds: one after the other, and beside no checkpoint that moves."""

        async def alone(connection: Connection) -> T:
            async with connection.transaction():
                await connection.execute(self._server.sql(ALONE))
                return await work(connection)

        result = await self._server.run(alone, again=False)
        self._store.watch.notify()
        return result

    async def _publish(self, connection: Connection, build: Build, tables: Sequence[Table]) -> None:
        """Point the plain names at the build's tables."""
        for table in tables:
            name = f"{quoted(self._schema)}.{quoted(table.name)}"
            sql = f"CREATE VIEW {name} AS SELECT * FROM {physical(self._schema, build, table)}"
            try:
                await connection.execute(sql.encode())
            except pg.DuplicateTable as error:
                raise DeclarationError(
                    f"view {build.name!r}: the store itself or another view has a table {table.name!r}; rename yours"
                ) from error

    async def _remove(self, connection: Connection, build: Build) -> None:
        """Drop a build's tables, and the SQL views that show them."""
        suffix = f"__{build.id}"
        for name in await self._names(connection, "r"):
            if name.endswith(suffix):
                public = f"{quoted(self._schema)}.{quoted(name.removesuffix(suffix))}"
                if build.live:
                    await connection.execute(f"DROP VIEW IF EXISTS {public}".encode())
                await connection.execute(f"DROP TABLE {quoted(self._schema)}.{quoted(name)}".encode())
        await connection.execute(self._server.sql(REMOVE), (build.id,))

    # -- rows

    async def rows(self, build: Build, table: Table, keys: Sequence[str]) -> list[Row]:
        return await self._server.run(lambda connection: self.rows_on(connection, build, table, keys))

    async def rows_on(self, connection: Connection, build: Build, table: Table, keys: Sequence[str]) -> list[Row]:
        """`rows` on a given connection."""
        key = quoted(table.columns[0].name)
        sql = f"SELECT {view_sql.columns(table)} FROM {physical(self._schema, build, table)} WHERE {key} = ANY (%s)"
        with _asked(build):
            return await (await connection.execute(sql.encode(), (list(keys),), prepare=True)).fetchall()

    async def write(self, advances: Sequence[Advance]) -> list[Build]:
        async def work(connection: Connection) -> None:
            with _folded(advances):
                async with self._server.in_one_trip(connection):
                    await connection.execute(NOT_SYNCED)
                    for advance in advances:
                        await self._write_one(connection, *advance)

        if advances:
            await self._server.run(work, again=False)
        self._store.watch.notify()
        return _moved(advances)

    async def write_on(self, connection: Connection, advances: Sequence[Advance]) -> list[Build]:
        """`write` inside the transaction of a connection."""
        with _folded(advances):
            async with connection.pipeline():  # at its end errors come out
                for advance in advances:
                    await self._write_one(connection, *advance)
        return _moved(advances)

    async def _write_one(
        self, connection: Connection, build: Build, tables: Sequence[Table], changes: Changes, position: int
    ) -> None:
        await connection.execute(
            self._server.sql(MOVE), (build.id, build.position, build.epoch, position), prepare=True
        )
        name = physical(self._schema, build, tables[0])
        if changes.puts:
            await connection.execute(
                view_sql.put(name, tables[0]).encode(), view_sql.arrays(tables[0], changes.puts), prepare=True
            )
        if changes.deletes:
            sql = f"DELETE FROM {name} WHERE {quoted(tables[0].columns[0].name)} = ANY (%s)"
            await connection.execute(sql.encode(), (list(changes.deletes),))
        if changes.statements:
            await self._run(connection, build, tables, changes)

    async def _run(self, connection: Connection, build: Build, tables: Sequence[Table], changes: Changes) -> None:
        resolved: dict[str, tuple[str, list[int]]] = {}
        for sql, parameters in changes.statements:
            found = resolved.get(sql)
            if found is None:
                found = resolved[sql] = self._resolve(sql, build, tables)
            text, places = found
            await connection.execute(text.encode(), view_sql.placed(parameters, places))

    def _resolve(self, sql: str, build: Build, tables: Sequence[Table]) -> tuple[str, list[int]]:
        """Put the build's tables in for `{table}`."""
        for table in tables:
            sql = sql.replace("{" + table.name + "}", physical(self._schema, build, table))
        return view_sql.placeholders(sql)

    # -- asking

    async def select(self, sql: str, parameters: Sequence[Any], *, names: bool = True) -> list[Any]:
        return await select(self._server, sql, parameters, names=names)

    async def find(
        self, build: Build, table: Table, where: Where, order: Order, limit: int, offset: int
    ) -> list[Row]:  # fmt: skip
        clause, values = view_sql.where(table, where)
        by, name = view_sql.order(order), physical(self._schema, build, table)
        sql = f"SELECT {view_sql.columns(table)} FROM {name} AS t{clause}{by} LIMIT %s OFFSET %s"
        return await self._ask(build, sql, (*values, limit, offset))

    async def count(self, build: Build, table: Table, where: Where) -> int:
        clause, values = view_sql.where(table, where)
        rows = await self._ask(build, f"SELECT count(*) FROM {physical(self._schema, build, table)}{clause}", values)
        return int(rows[0][0])

    async def _ask(self, build: Build, sql: str, parameters: Sequence[Any]) -> list[Row]:
        async def ask(connection: Connection) -> list[Row]:
            with _asked(build):
                return await (await connection.execute(sql.encode(), parameters)).fetchall()

        return await self._server.run(ask)

    async def changed(self, timeout: float) -> bool:
        return await self._store.watch.changed(timeout)

    async def close(self) -> None:
        """Nothing is held here."""


@contextmanager
def _asked(build: Build) -> Iterator[None]:
    """Reading a build's table: it may have been dropped since, and the caller may ask for what no column can hold."""
    try:
        yield
    except pg.UndefinedTable as error:
        raise Fenced(build.name) from error
    except (psycopg.DataError, psycopg.ProgrammingError, UnicodeEncodeError) as error:
        raise BadInput(f"view {build.name!r}: no column holds such a value: {error}") from error


def _moved(advances: Sequence[Advance]) -> list[Build]:
    return [msgspec.structs.replace(each.build, position=each.position) for each in advances]


@contextmanager
def _folded(advances: Sequence[Advance]) -> Iterator[None]:
    """Writing what the functions of views made. One of them is to blame: which one shows when each is written alone."""
    names = " and ".join(repr(each.build.name) for each in advances)
    try:
        yield
    except psycopg.Error as error:
        if error.sqlstate == FENCED:
            raise Fenced(names) from error
        if isinstance(
            error, (psycopg.ProgrammingError, psycopg.IntegrityError, psycopg.DataError, psycopg.NotSupportedError)
        ):
            raise DeclarationError(f"view {names}: its SQL cannot be run: {error}") from error
        raise
    except (UnicodeEncodeError, BadInput) as error:
        raise DeclarationError(f"view {names}: a row holds what PostgreSQL cannot: {error}") from error

"""The tables of consumers in the schema of a PostgresStore.

A table `name` is kept as `name__kept`, with a SQL view under its plain name.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter

import psycopg
from psycopg import errors as pg

from headwater.adapters.postgres import view_sql
from headwater.adapters.postgres.server import Connection, Server
from headwater.adapters.postgres.view_sql import MAX_NAME_BYTES, quoted
from headwater.errors import BadInput, DeclarationError
from headwater.fold import Statement

ALONE = "LOCK TABLE headwater.delivery_table IN SHARE ROW EXCLUSIVE MODE"
KNOWN = "SELECT name, consumer, definition FROM headwater.delivery_table"
NOTE = "INSERT INTO headwater.delivery_table (name, consumer, definition) VALUES (%s, %s, %s)"
IS_THERE = "SELECT FROM pg_class WHERE relnamespace = %s::regnamespace AND relname IN (%s, %s)"
WRONG = psycopg.ProgrammingError, psycopg.IntegrityError, psycopg.DataError, psycopg.NotSupportedError
_sql, _parameters = itemgetter(0), itemgetter(1)


async def prepare(server: Server, connection: Connection, consumer: str, tables: Mapping[str, str]) -> dict[str, str]:
    """See DeliveryStore.prepare. One after the other."""
    async with connection.transaction():
        await connection.execute(server.sql(ALONE))
        rows = await (await connection.execute(server.sql(KNOWN))).fetchall()
        known = {name: (owner, definition) for name, owner, definition in rows}
        for name, body in tables.items():
            definition = " ".join(body.split())
            if name not in known:
                await _create(server, connection, consumer, name, definition)
            elif known[name] != (consumer, definition):
                raise DeclarationError(_difference(consumer, name, definition, *known[name]))
    return {name: _kept(server, name) for name in tables}


async def run(
    connection: Connection, consumer: str, statements: Iterable[Statement], tables: Mapping[str, str]
) -> None:
    """Send statements, in order; their errors come out here or with what is sent later."""
    resolved: dict[str, tuple[bytes, list[int]]] = {}
    try:
        for sql, equal in groupby(statements, _sql):
            found = resolved.get(sql)
            if found is None:
                found = resolved[sql] = _resolve(sql, tables)
            text, places = found
            rows = [view_sql.placed(parameters, places) for parameters in map(_parameters, equal)]
            if len(rows) == 1:
                await connection.execute(text, rows[0])
            else:
                await connection.cursor().executemany(text, rows)
    except (BadInput, UnicodeEncodeError, TypeError, ValueError) as error:
        raise DeclarationError(f"consumer {consumer!r}: a statement holds what PostgreSQL cannot: {error}") from error


def declared(error: Exception, consumer: str) -> DeclarationError:
    """The error of a statement that is WRONG as the declaration's."""
    return DeclarationError(f"consumer {consumer!r}: its SQL cannot be run: {error}")


def _resolve(sql: str, tables: Mapping[str, str]) -> tuple[bytes, list[int]]:
    """Put the names of tables in for `{table}`."""
    for name, kept in tables.items():
        sql = sql.replace("{" + name + "}", kept)
    text, places = view_sql.placeholders(sql)
    return text.encode(), places


def _kept(server: Server, name: str) -> str:
    return f"{quoted(server.address.schema)}.{quoted(f'{name}__kept')}"


async def _create(server: Server, connection: Connection, consumer: str, name: str, definition: str) -> None:
    schema, kept = server.address.schema, f"{name}__kept"
    if len(kept.encode()) > MAX_NAME_BYTES:
        raise DeclarationError(f"consumer {consumer!r}: the table name {name!r} is too long for PostgreSQL")
    try:
        there = await (await connection.execute(IS_THERE, (quoted(schema), name, kept))).fetchone()
        if there is not None:
            raise pg.DuplicateTable
        await connection.execute(f"CREATE TABLE {_kept(server, name)} ({definition})".encode())
        view = f"{quoted(schema)}.{quoted(name)}"
        await connection.execute(f"CREATE VIEW {view} AS SELECT * FROM {_kept(server, name)}".encode())
        await connection.execute(server.sql(NOTE), (name, consumer, definition))
    except (pg.DuplicateTable, pg.DuplicateObject) as error:  # by a view that is made just now, too
        raise DeclarationError(
            f"consumer {consumer!r}: the store itself or a view has a table {name!r}; give yours another name"
        ) from error
    except WRONG as error:
        raise declared(error, consumer) from error


def _difference(consumer: str, name: str, definition: str, owner: str, there: str) -> str:
    if owner != consumer:
        return f"consumer {consumer!r}: the table {name!r} is consumer {owner!r}'s; give yours another name"
    return (
        f"consumer {consumer!r}: the table {name!r} was made with other columns ({there}), which stay as they are; "
        f"give the one with the columns ({definition}) another name"
    )

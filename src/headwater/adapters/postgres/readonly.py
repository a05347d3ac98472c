"""Users' SQL: in a transaction that cannot write, with a time limit, over the schema of the store."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import errors as pg

from headwater.adapters.postgres.server import Connection, Server
from headwater.adapters.postgres.view_sql import placed, placeholders, quoted
from headwater.errors import BadInput

TIME_LIMIT = 10  # seconds
LIMITS = "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = '{}s'; SET LOCAL search_path = {}"


async def select(server: Server, sql: str, parameters: Sequence[Any], *, names: bool) -> list[Any]:
    """Rows of a query. Raises BadInput for SQL that is wrong, writes or takes too long."""
    text, places = placeholders(sql)
    values = placed(parameters, places)

    async def ask(connection: Connection) -> list[Any]:
        try:
            async with connection.transaction(force_rollback=True):
                await connection.execute(LIMITS.format(TIME_LIMIT, quoted(server.address.schema)).encode())
                # In binary form: that protocol takes one statement only.
                return await _rows(connection, text.encode(), values, names)
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError, pg.QueryCanceled,
                pg.ReadOnlySqlTransaction, pg.InternalError) as error:  # fmt: skip
            raise _refusal(error) from error

    return await server.run(ask)


async def _rows(connection: Connection, sql: bytes, parameters: Sequence[Any], names: bool) -> list[Any]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(sql, parameters, binary=True)
    if cursor.description is None:
        if connection.closed:  # in the middle of the answer, which then looks like none
            raise psycopg.OperationalError("the connection was lost")
        raise BadInput("the query cannot be run: it is empty, or asks for nothing")
    titles = [column.name for column in cursor.description]
    rows = [tuple(map(_plain, row)) for row in await cursor.fetchall()]
    return [dict(zip(titles, row, strict=True)) for row in rows] if names else rows


def _plain(value: Any) -> Any:
    """Whole numbers as `int`, whatever they are kept as."""
    return int(value) if isinstance(value, Decimal) and value.as_tuple().exponent == 0 else value


def _refusal(error: psycopg.Error) -> BadInput:
    if isinstance(error, pg.QueryCanceled):
        return BadInput(f"the query took over {TIME_LIMIT} s and was stopped")
    if isinstance(error, pg.ReadOnlySqlTransaction):
        return BadInput(f"the query cannot be run: it may only read ({error})")
    return BadInput(f"the query cannot be run: {error}")

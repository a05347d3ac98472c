"""Calls of the server's functions through libpq itself: every append pays for this, and a cursor costs more.

Values travel in PostgreSQL's binary form, both ways; see packing.py.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from headwater.adapters.postgres.server import Connection

BINARY = pq.Format.BINARY


class Function(NamedTuple):
    """A function to be called: SQL with $1, $2 …, and the types (oids) of those."""

    sql: bytes
    types: Sequence[int]


class Calls:
    """Calls on one connection, one at a time. `prepare`: each function once, which a pooler does not allow."""

    def __init__(self, connection: Connection, *, prepare: bool) -> None:
        self._pg = connection.pgconn
        self._prepare = prepare
        self._names: dict[bytes, bytes] = {}
        self._count = 0

    def check(self) -> None:
        """Notice that the server has closed the connection. Raises the driver's error."""
        self._pg.consume_input()  # takes in its last words, if any
        self._pg.consume_input()

    def forget(self) -> None:
        """Prepare anew from now on: after a transaction that was rolled back the driver drops what is prepared."""
        self._names.clear()

    async def row(self, function: Function, values: Sequence[bytes]) -> list[bytes | None]:
        """The one row that the function returns. Raises the driver's errors.

        Whoever is cancelled while waiting leaves the connection closed: nobody could tell what it will say next.
        """
        try:
            result = await self._ask(function, values)
        except BaseException:
            self._pg.finish()
            raise
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise error_from_result(result, "utf-8")
        return [result.get_value(0, column) for column in range(result.nfields)]

    async def _ask(self, function: Function, values: Sequence[bytes]) -> "pq.abc.PGresult":
        formats = [BINARY] * len(values)
        if not self._prepare:
            self._pg.send_query_params(function.sql, values, function.types, formats, BINARY)
            return await self._answer()
        name = self._names.get(function.sql)
        if name is None:
            self._count += 1
            name = f"headwater_{self._count}".encode()
            self._pg.send_prepare(name, function.sql, function.types)
            prepared = await self._answer()
            if prepared.status != pq.ExecStatus.COMMAND_OK:
                return prepared
            self._names[function.sql] = name
        self._pg.send_query_prepared(name, values, formats, BINARY)
        return await self._answer()

    async def _answer(self) -> "pq.abc.PGresult":
        """Send what is to be sent, and wait for what comes back; of several results, the last."""
        while self._pg.flush():
            await self._ready(writing=True)
            self._pg.consume_input()
        last = None
        while True:
            while self._pg.is_busy():
                await self._ready()
                self._pg.consume_input()
            result = self._pg.get_result()
            if result is None:
                break
            last = result
        if last is None:
            raise psycopg.OperationalError("the server gave no answer")
        return last

    async def _ready(self, *, writing: bool = False) -> None:
        """Wait until the socket has something to read, or takes something."""
        loop, socket = asyncio.get_running_loop(), self._pg.socket
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(socket, wake)
        if writing:
            loop.add_writer(socket, wake)
        try:
            await ready
        finally:
            loop.remove_reader(socket)
            if writing:
                loop.remove_writer(socket)

"""One connection of the writer: sends a group, again where that is safe, and reads what the server has found."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import psycopg

from headwater.adapters.postgres.calls import Calls, Function
from headwater.adapters.postgres.faults import UNDONE, lost, translate
from headwater.adapters.postgres.grouping import Found, Group
from headwater.adapters.postgres.packing import read_integers, read_texts
from headwater.adapters.postgres.server import Connection, Patience, Server
from headwater.errors import AcknowledgementLost, Fenced
from headwater.messages import NewEvent, Position

BOOLEAN, BIGINT, INTEGER, TEXT, BIGINTS, TEXTS = 16, 20, 23, 25, 1016, 1009  # PostgreSQL's numbers of types
ONE_TYPES = [INTEGER, TEXT, BIGINT, INTEGER, BIGINT, TEXT, TEXT]
GROUP_TYPES = [
    BOOLEAN, BIGINTS, BIGINT, TEXTS, BIGINTS, BIGINTS, BIGINTS, BIGINTS, BIGINTS, TEXTS, TEXTS,
    BIGINTS, TEXTS, TEXTS, TEXT, TEXT,
]  # fmt: skip
APPEND_ONE = "SELECT headwater.append_one($1, $2, $3, $4, $5, $6, $7)"
APPEND_GROUP = f"SELECT * FROM headwater.append_group({', '.join(f'${n}' for n in range(1, 17))})"
TRUE = b"\1"


class Inline(Protocol):
    """What moves with the appends, in their transaction."""

    def concerns(self, events: Sequence[NewEvent]) -> bool:
        """Whether these events move it."""

    async def advance(self, connection: Connection, last: Position) -> None:
        """Move up to the last position, on a connection whose transaction nobody else appends beside."""


class Sender:
    """Sends groups, one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._store = server.address.shown
        self._one = Function(server.sql(APPEND_ONE), ONE_TYPES)
        self._group = Function(server.sql(APPEND_GROUP), GROUP_TYPES)
        self._connection: Connection | None = None
        self._calls: Calls | None = None

    async def send(self, group: Group, inline: Inline | None) -> Found:
        """Try until the server has answered, as long as that is safe and the store's patience lasts.

        Safe is: what the server says it has undone, and what every member has an id for. Raises typed errors, and the
        driver's for what is wrong with the group.
        """
        patience, sure = Patience(self._server.patience), all(order.id for order in group.orders)
        while True:
            sent = False
            try:
                connection, calls = await self._connect()
                sent = True
                return await self._send(connection, calls, group, inline)
            except Fenced:  # a view was built anew in this very moment; with the views' moves the append was undone
                if not await patience.allows():
                    raise
            except psycopg.Error as error:
                if lost(error):
                    await self.close()
                again = isinstance(error, UNDONE) or (lost(error) and (sure or not sent))
                if again and await patience.allows():
                    continue
                if sent and lost(error) and not sure:
                    raise AcknowledgementLost(self._store, " ".join(str(error).split())) from error
                raise translate(error, self._store) from error

    async def _send(self, connection: Connection, calls: Calls, group: Group, inline: Inline | None) -> Found:
        if inline and inline.concerns(group.events):
            group.close_gate()
            try:
                async with connection.transaction():
                    found = await self._call(calls, group)
                    if not found.refused:
                        await inline.advance(connection, found.positions[-1])
            except BaseException:
                calls.forget()
                raise
            return found
        return await self._call(calls, group)

    async def _call(self, calls: Calls, group: Group) -> Found:
        if group.single:
            [packed] = await calls.row(self._one, group.single_arguments())
            version, *position = read_integers(packed)
            return Found(not position, [version], position, (), ())
        refused, versions, positions, ids, matches = await calls.row(self._group, group.arguments())
        return Found(
            refused == TRUE, read_integers(versions), read_integers(positions), read_texts(ids), read_integers(matches)
        )

    async def _connect(self) -> tuple[Connection, Calls]:
        if self._connection is None or self._calls is None or self._connection.closed:
            self._connection = await self._server.connect()
            self._calls = Calls(self._connection, prepare=not self._server.pooled)
        else:
            self._calls.check()
        return self._connection, self._calls

    async def close(self) -> None:
        """Let the connection go. Twice is harmless."""
        connection, self._connection = self._connection, None
        if connection:
            with suppress(psycopg.Error):
                await connection.close()

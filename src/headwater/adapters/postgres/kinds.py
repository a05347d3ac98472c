"""Event types and versions as numbers. The numbers are the store's own and count from 0."""

from collections.abc import Iterable

from headwater.adapters.postgres import packing
from headwater.adapters.postgres.server import Connection, Server
from headwater.messages import Kind, NewEvent

SELECT = "SELECT type, version FROM headwater.kind WHERE id >= %s ORDER BY id"
ADD = "SELECT headwater.add_kinds(%b, %b)"


class Kinds:
    """All kinds of a store by number, and number by kind, as far as this process has met them. Numbers never change."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._select = server.sql(SELECT)
        self._add = server.sql(ADD)
        self.all: list[Kind] = []
        self.numbers: dict[tuple[str, int], int] = {}

    async def refresh(self) -> None:
        """Take in what others have added."""
        await self._server.run(self._refresh)

    async def _refresh(self, connection: Connection) -> None:
        rows = await (await connection.execute(self._select, (len(self.all),))).fetchall()
        for type, version in rows:
            self._learn(Kind(type, version))

    def _learn(self, kind: Kind) -> None:
        if kind not in self.numbers:
            self.numbers[kind] = len(self.all)
            self.all.append(kind)

    async def cover(self, number: int, connection: Connection | None = None) -> None:
        """Know all kinds up to that number, which is in the store. Whoever holds a `connection` in a transaction has it
        asked there: others may hold all the rest, and wait for this transaction."""
        if number >= len(self.all):
            await (self._refresh(connection) if connection else self.refresh())

    async def number_all(self, events: Iterable[NewEvent]) -> None:
        """Give every kind of these events a number, committed at once: one that is never used does no harm."""
        numbers = self.numbers
        new = {kind for each in events if (kind := (each.type, each.type_version)) not in numbers}
        if not new:
            return
        kinds = sorted(new)
        names = packing.texts([type.encode() for type, _ in kinds])
        versions = packing.integers([version for _, version in kinds])

        async def add(connection: Connection) -> None:
            await connection.execute(self._add, (names, versions))
            await self._refresh(connection)

        await self._server.run(add)

"""Event types and versions as numbers. The numbers are the store's own and count from 0."""

from collections.abc import Iterable
from typing import Any

import apsw

from headwater.messages import Kind

SELECT = "SELECT type, version FROM kind WHERE id >= ? ORDER BY id"


class Kinds:
    """All kinds of a store by number, and number by kind. Kinds first used in a transaction are inserted with it."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.reload(connection)

    def reload(self, connection: apsw.Connection) -> None:
        """Start over from the table (after a rollback): `all` becomes another object."""
        self.all: list[Kind] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._stored = 0
        self.refresh(connection)

    def refresh(self, connection: apsw.Connection) -> None:
        """Take in what other connections have added, unless kinds of a running transaction wait to be inserted."""
        if len(self.all) > self._stored:
            return
        rows: list[Any] = connection.execute(SELECT, (self._stored,)).fetchall()
        for type, version in rows:
            self._learn(Kind(type, version))
        self._stored = len(self.all)

    def _learn(self, kind: Kind) -> int:
        self._numbers[kind] = len(self.all)
        self.all.append(kind)
        return self._numbers[kind]

    def number(self, type: str, version: int) -> int:
        """The number of a kind, a new one if need be. Only inside the writer's transaction."""
        found = self._numbers.get((type, version))
        return self._learn(Kind(type, version)) if found is None else found

    def numbers_of(self, types: Iterable[str]) -> list[int]:
        """The numbers of all versions of the given types."""
        wanted = set(types)
        return [number for number, kind in enumerate(self.all) if kind.type in wanted]

    def flush(self, cursor: apsw.Cursor) -> None:
        """Insert the kinds that are new."""
        if len(self.all) > self._stored:
            rows = [(number, *self.all[number]) for number in range(self._stored, len(self.all))]
            cursor.executemany("INSERT INTO kind VALUES (?, ?, ?)", rows)
            self._stored = len(self.all)

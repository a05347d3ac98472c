"""Where views are kept, as a port: tables beside their checkpoints."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from headwater.fold import Statement
from headwater.messages import Position
from headwater.views.table import Row, Table


class Build(msgspec.Struct, frozen=True):
    """One build of a view: `position` is its checkpoint, `epoch` rises whenever a runner takes it over; the `live`
    build of a name is the one that queries see."""

    id: int
    name: str
    version: int
    definition: str
    position: Position
    epoch: int
    live: bool


class Changes(NamedTuple):
    """What a batch of events means for a build: rows to put, keys to delete, statements to run in order."""

    puts: Sequence[Row] = ()
    deletes: Sequence[str] = ()
    statements: Sequence[Statement] = ()


class Advance(NamedTuple):
    """A build moves from its position to `position`, with what happened in between."""

    build: Build
    tables: Sequence[Table]
    changes: Changes
    position: Position


class ViewStore(Protocol):
    """Tables of views and their checkpoints. One transaction covers a change and its checkpoint."""

    async def builds(self) -> list[Build]:
        """All builds, oldest first."""

    async def create(self, name: str, version: int, definition: str, tables: Sequence[Table]) -> Build:
        """A new, empty build with its tables, at position 0; live at once if its name has no live build."""

    async def claim(self, build: Build) -> Build:
        """Take a build over: its epoch rises, so that whoever had it is fenced. Raises Fenced if it is gone."""

    async def promote(self, build: Build, tables: Sequence[Table]) -> None:
        """Make the build the live one and drop all others of its name, in one transaction."""

    async def drop(self, build: Build) -> None:
        """Remove a build and its tables. One that is gone already is no error."""

    async def rows(self, build: Build, table: Table, keys: Sequence[str]) -> list[Row]:
        """The rows that exist among `keys`."""

    async def write(self, advances: Sequence[Advance]) -> list[Build]:
        """Apply all advances in one transaction and return the builds as they are then.

        Raises Fenced, with nothing written, if any build is not at the position and epoch it is said to be at.
        """

    async def select(self, sql: str, parameters: Sequence[Any], *, names: bool = True) -> list[Any]:
        """Run a query that only reads: rows as dicts, or as tuples without `names`. Raises BadInput."""

    async def find(
        self,
        build: Build,
        table: Table,
        where: Sequence[tuple[str, Sequence[Any]]],
        order: Sequence[tuple[str, bool]],
        limit: int,
        offset: int,
    ) -> list[Row]:
        """Rows whose columns hold one of the given values each; `order` is (column, descending)."""  # fmt: skip

    async def count(self, build: Build, table: Table, where: Sequence[tuple[str, Sequence[Any]]]) -> int:
        """How many rows `find` would return without limit."""

    async def changed(self, timeout: float) -> bool:
        """True at the next change by anyone, or perhaps without one; False when `timeout` seconds are over."""

    async def names(self) -> list[str]:
        """The names under which `select` sees the tables of live builds, sorted."""

    async def close(self) -> None:
        """Release what queries hold."""

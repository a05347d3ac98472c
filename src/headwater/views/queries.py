"""Asking views: by key, by fields, by SQL; as of a position if wanted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from headwater.errors import BadInput, Fenced, NotYetVisible, UnknownType, ViewStopped
from headwater.fold import AnyView, View
from headwater.messages import Position
from headwater.views.port import Build, ViewStore
from headwater.views.projector import definition, projector
from headwater.views.table import Column, RowTable

S = TypeVar("S")
T = TypeVar("T")


class Queries:
    """Answers from the live builds of an application's views.

    With `after`, every question first waits until its view has reached that position (such as the one a command
    returned: read your writes), at most `timeout` seconds. Raises NotYetVisible, ViewStopped, UnknownType, BadInput.
    """

    def __init__(self, views: ViewStore, declared: Sequence[AnyView], stopped: Mapping[str, ViewStopped]) -> None:
        self._views = views
        self._stopped = stopped
        self._definitions = {view.name: definition(projector(view)) for view in declared}
        self._tables: dict[str, RowTable[Any]] = {
            view.name: RowTable(view.name, view.row, view.index) for view in declared if isinstance(view, View)
        }

    async def get(self, view: View[S, Any], key: str, *, after: Position = 0, timeout: float = 5.0) -> S | None:
        """The row of a key; None if there is none."""
        table = self._table(view)
        rows = await self._ask(view, after, timeout, lambda build: self._views.rows(build, table.table, [key]))
        return table.from_row(rows[0]) if rows else None

    async def find(
        self,
        view: View[S, Any],
        *,
        where: Mapping[str, Any] | None = None,
        order_by: Sequence[str] = (),
        limit: int = 100,
        offset: int = 0,
        after: Position = 0,
        timeout: float = 5.0,
    ) -> list[S]:
        """Rows whose fields equal those of `where` (a list: one of its values), sorted by `order_by` ('-field':
        descending)."""  # fmt: skip
        if limit < 0 or offset < 0:
            raise BadInput(f"limit {limit} and offset {offset}: neither may be negative")
        table = self._table(view)
        order = [(table.column(name.removeprefix("-")).name, name.startswith("-")) for name in order_by]
        conditions = _conditions(table, where)
        rows = await self._ask(
            view, after, timeout, lambda build: self._views.find(build, table.table, conditions, order, limit, offset)
        )
        return [table.from_row(row) for row in rows]

    async def count(
        self, view: View[Any, Any], *, where: Mapping[str, Any] | None = None, after: Position = 0, timeout: float = 5.0
    ) -> int:
        """How many rows match."""
        table = self._table(view)
        conditions = _conditions(table, where)
        return await self._ask(view, after, timeout, lambda build: self._views.count(build, table.table, conditions))

    async def sql(
        self, sql: str, parameters: Sequence[Any] = (), *, after: Position = 0, timeout: float = 5.0
    ) -> list[dict[str, Any]]:
        """Rows of a query in SQL that only reads; each view's name is a table. With `after`, all views are awaited."""
        if after:
            for name in self._definitions:
                await self.reached(name, after, timeout)
        return await self._views.select(sql, parameters)

    async def position(self, name: str) -> Position:
        """How far the live build of a view has come."""
        return (await self._build(name)).position

    async def reached(self, name: str, position: Position, timeout: float) -> Build:
        """The live build of a view once it has reached `position` and has the declared shape. Raises NotYetVisible."""
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        while (build := await self._build(name)).position < position or build.definition != self._definitions[name]:
            if name in self._stopped:
                raise self._stopped[name]
            if not await self._views.changed(give_up - now()):
                raise NotYetVisible(name, position, build.position)
        return build

    async def _build(self, name: str) -> Build:
        for build in await self._views.builds():
            if build.live and build.name == name:
                return build
        raise UnknownType("view", name, tuple(self._definitions))

    def _table(self, view: View[S, Any]) -> RowTable[S]:
        table = self._tables.get(view.name)
        if table is None:
            raise UnknownType("keyed view", view.name, tuple(self._tables))
        return table

    async def _ask(
        self, view: View[Any, Any], after: Position, timeout: float, question: Callable[[Build], Awaitable[T]]
    ) -> T:
        """Ask the live build; once more where another one takes over before it answers."""
        try:
            return await question(await self.reached(view.name, after, timeout))
        except Fenced:
            return await question(await self.reached(view.name, after, timeout))


def _conditions(table: RowTable[Any], where: Mapping[str, Any] | None) -> list[tuple[str, list[Any]]]:
    conditions = []
    for name, value in (where or {}).items():
        column = table.column(name)
        values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        if not values:
            raise BadInput(f"field {name!r}: an empty list of values matches nothing; leave the field out instead")
        conditions.append((name, [_encoded(column, one) for one in values]))
    return conditions


def _encoded(column: Column, value: Any) -> Any:
    if column.encode is None or value is None:
        return value
    try:
        return column.encode(value)
    except (TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"field {column.name!r}: {value!r} is no value of it ({error})") from error

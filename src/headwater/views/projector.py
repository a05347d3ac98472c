"""From events to changes of rows: the fold of a view over a batch. Pure and synchronous."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from headwater.codec import UnknownEvent, type_names
from headwater.errors import DeclarationError, UnknownType
from headwater.fold import AnyView, SqlView, Statement, Unknown, View
from headwater.views.port import Changes
from headwater.views.table import Column, Row, RowTable, Table

MAX_CACHED_ROWS = 20_000


class Projector(Protocol):
    """Folds batches for one build of one view."""

    @property
    def name(self) -> str: ...

    @property
    def types(self) -> Sequence[str]:
        """The event types of interest."""

    @property
    def tables(self) -> Sequence[Table]: ...

    def take(self, events: Sequence[Any]) -> Sequence[str]:
        """The next events: which rows must be read to fold them."""

    def fold(self, rows: Iterable[Row]) -> Changes:
        """Fold the events taken, given those of the rows asked for that exist."""

    def forget(self, *, empty: bool = False) -> None:
        """Someone else may have written: forget all rows. `empty`: the build holds no row at all."""


Sources = Callable[[Iterable[type]], Sequence[str]]
"""The names of the types under which events of some classes may be stored."""


def projector(view: AnyView, sources: Sources = type_names) -> Projector:
    """The projector for a declared view. Raises DeclarationError."""
    return KeyedProjector(view, sources) if isinstance(view, View) else SqlProjector(view, sources)


def definition(made: Projector) -> str:
    """A digest of the shape of a view's tables: a changed shape needs a raised version."""
    shape = [
        (table.name, [(each.name, _kept_as(each), each.shape) for each in table.columns], table.indexes, table.body)
        for table in made.tables
    ]
    return hashlib.sha256(repr(shape).encode()).hexdigest()[:16]


def _kept_as(column: Column) -> str:
    """The column's type; truth values count as the integers that they once were."""
    return "integer" if column.type == "boolean" else column.type


class KeyedProjector:
    """Groups events by key and folds each group into its row; every row is written once a batch.

    Rows are remembered between batches: that is safe because a build's rows change only together with its checkpoint,
    and the write that finds another checkpoint than expected fails.
    """

    def __init__(self, view: View[Any, Any], sources: Sources) -> None:
        self.name = view.name
        self.types = sources(view.events)
        self.rows: RowTable[Any] = RowTable(view.name, view.row, view.index)
        self.tables: Sequence[Table] = (self.rows.table,)
        self._view = view
        self._classes = frozenset(view.events)
        self._keyed: list[tuple[str, Any]] = []
        self.forget()

    def forget(self, *, empty: bool = False) -> None:
        self._states: dict[str, Any] = {}
        self._complete = empty  # every row there is, is remembered

    def take(self, events: Sequence[Any]) -> Sequence[str]:
        self._keyed = list(self.keyed(events))
        if self._complete:
            return ()
        states = self._states
        return [key for key in dict.fromkeys(key for key, _ in self._keyed) if key not in states]

    def keyed(self, events: Iterable[Any]) -> Iterable[tuple[str, Any]]:
        """Those events that concern the view, each with every key of its. Raises UnknownType, as the view's `unknown`
        says."""
        key_of, classes = self._view.key, self._classes
        for event in events:
            if event.__class__ in classes:
                key = key_of(event)
                if isinstance(key, str):
                    yield key, event
                elif key is not None:
                    for one in dict.fromkeys(key):
                        yield one, event
            elif event.__class__ is UnknownEvent:
                _pass_over(event, self._view, self.types)

    def fold(self, rows: Iterable[Row]) -> Changes:
        states, initial, evolve = self._states, self._view.initial, self._view.evolve
        for row in rows:
            states[row[0]] = self.rows.from_row(row)
        for key, event in self._keyed:
            state = states.get(key)
            states[key] = evolve(initial(key) if state is None else state, event)
        return self._changes(dict.fromkeys(key for key, _ in self._keyed))

    def _changes(self, touched: Iterable[str]) -> Changes:
        puts, deletes = [], []
        for key in touched:
            state = self._states[key]
            if state is None:
                deletes.append(key)
            else:
                puts.append(self._row(key, state))
        self._shrink()
        return Changes(puts, deletes)

    def _row(self, key: str, state: Any) -> Row:
        row = self.rows.to_row(state)
        if row[0] != key:
            raise DeclarationError(
                f"view {self.name!r}: evolve returned a row whose {self.rows.names[0]!r} is {row[0]!r} "
                f"for the key {key!r}; the first field holds the key"
            )
        return row

    def _shrink(self) -> None:
        if len(self._states) > MAX_CACHED_ROWS:
            self._complete = False
            for key in list(self._states)[: MAX_CACHED_ROWS // 2]:
                del self._states[key]


class SqlProjector:
    """Collects the statements that events mean."""

    def __init__(self, view: SqlView[Any], sources: Sources) -> None:
        self.name = view.name
        self.types = sources(view.events)
        self.tables: Sequence[Table] = [Table(name, body=body) for name, body in view.tables.items()]
        self._view = view
        self._evolve = view.evolve
        self._classes = frozenset(view.events)
        self._statements: list[Statement] = []

    def forget(self, *, empty: bool = False) -> None:
        """Nothing is remembered."""

    def take(self, events: Sequence[Any]) -> Sequence[str]:
        self._statements = []
        for event in events:
            if event.__class__ in self._classes:
                self._statements += self._evolve(event)
            elif event.__class__ is UnknownEvent:
                _pass_over(event, self._view, self.types)
        return ()

    def fold(self, rows: Iterable[Row]) -> Changes:
        return Changes(statements=self._statements)


def _pass_over(event: UnknownEvent, view: AnyView, types: Sequence[str]) -> None:
    """Leave out what this application does not know, if the view may. Raises UnknownType."""
    if event.kind.type in types and view.unknown is Unknown.STOP:
        raise UnknownType("event", f"{event.kind.type} (version {event.kind.version})", tuple(types))

"""What a user declares: plain data around pure functions. Everything is a fold, `state = evolve(state, event)`.

Type parameters: C commands, S state, E events (a union of classes each), R a view's rows.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, TypeVar

from headwater.annotations import parameter_types, returned_types
from headwater.codec import CommandCatalog, EventCatalog
from headwater.errors import DeclarationError, InvalidName
from headwater.messages import Query

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")
R = TypeVar("R", covariant=True)  # a view's rows


@dataclass(frozen=True)
class Decider(Generic[C, S, E]):
    """How commands become events.

    `decide(command, state)` returns the events (none: nothing changes) or raises Rejected; `evolve(state, event)`
    returns the next state; `initial()` is the state before any event. Both are pure and synchronous.
    `stream(command)` names the instance: the events go to stream `<name>-<instance>`.
    The state is folded from that stream, or, where `query(command)` is given, from all events that match it wherever
    they are; the append then holds only if no further event matches (a dynamic consistency boundary).
    `tags(event)` are recorded with each event, for such queries.
    """

    name: str
    initial: Callable[[], S]
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    stream: Callable[[C], str]
    query: Callable[[C], Query] | None = None
    tags: Callable[[E], Sequence[str]] | None = None

    @cached_property
    def commands(self) -> tuple[type, ...]:
        """The command classes, from the annotation of `decide`."""
        return parameter_types(self.decide, 0, f"decider {self.name!r}")

    @cached_property
    def events(self) -> tuple[type, ...]:
        """The event classes, from the annotation of `evolve`."""
        return parameter_types(self.evolve, 1, f"decider {self.name!r}")


@dataclass(frozen=True)
class View(Generic[R, E]):
    """A keyed materialized view: events grouped by `key(event)`, each group folded into one row.

    `key(event)` is the key, several keys, or None (the event does not concern this view). `initial(key)` is the row
    before any event: its first field holds the key. `evolve(row, event)` returns the next row, or None to delete it.
    The columns are the fields of the row's class; `index` names columns (or tuples of columns) to be indexed.
    `version` is raised when any of this changes: the view is then built anew beside the old one and takes over.
    `inline` views change in the transaction of the append; others follow as fast as they can.
    """

    name: str
    key: Callable[[E], str | Iterable[str] | None]
    initial: Callable[[str], R]
    evolve: Callable[[R, E], R | None]
    version: int = 1
    index: Sequence[str | tuple[str, ...]] = ()
    inline: bool = False

    @cached_property
    def events(self) -> tuple[type, ...]:
        """The event classes, from the annotation of `evolve`."""
        return parameter_types(self.evolve, 1, f"view {self.name!r}")

    @cached_property
    def row(self) -> type[R]:
        """The row's class, from the annotation of `evolve`."""
        found = returned_types(self.evolve, f"view {self.name!r}") or parameter_types(
            self.evolve, 0, f"view {self.name!r}"
        )
        if len(found) != 1:
            raise DeclarationError(f"view {self.name!r}: evolve must return one class (or None), not {found}")
        return found[0]


Statement = tuple[str, Sequence[Any]]
"""SQL with `?` for each parameter and `{table}` for each of the view's tables, and the parameters."""


@dataclass(frozen=True)
class SqlView(Generic[E]):
    """A free-form projection into tables of its own.

    `tables` maps a table's name to its column definitions; `evolve(event)` returns the statements that the event
    means, run in order in one transaction with the checkpoint. `version` and `inline` as in View.
    """

    name: str
    tables: Mapping[str, str]
    evolve: Callable[[E], Iterable[Statement]]
    version: int = 1
    inline: bool = False

    @cached_property
    def events(self) -> tuple[type, ...]:
        """The event classes, from the annotation of `evolve`."""
        return parameter_types(self.evolve, 0, f"view {self.name!r}")


AnyView = View[Any, Any] | SqlView[Any]


@dataclass(frozen=True)
class Schedule:
    """A command to be executed later: `after` the event that asked for it was recorded, or `at` a time. A later
    schedule with the same `key` replaces it."""

    key: str
    command: Any
    after: timedelta | None = None
    at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.at is None) == (self.after is None) or (self.at is not None and self.at.tzinfo is None):
            raise DeclarationError(f"schedule {self.key!r}: give either `after` or an `at` that has a time zone")


@dataclass(frozen=True)
class Unschedule:
    """Forget the scheduled command of that key, if it is still waiting."""

    key: str


@dataclass(frozen=True)
class Reaction(Generic[E]):
    """From events to commands: `do(event)` returns commands (or Schedule, Unschedule) that follow from the event.

    `do` may be a coroutine function and have effects outside: it runs at least once for each event, in order within
    a stream, up to `concurrency` streams at a time. The commands get ids derived from the event's, so they count
    once. A command that is Rejected counts as done. A failing `do` is retried with backoff and holds up its stream.
    """

    name: str
    do: Callable[[E], Iterable[Any] | Awaitable[Iterable[Any]]]
    concurrency: int = 16

    @cached_property
    def events(self) -> tuple[type, ...]:
        """The event classes, from the annotation of `do`."""
        return parameter_types(self.do, 0, f"reaction {self.name!r}")


@dataclass(frozen=True)
class App:
    """A whole application. Building it checks it: duplicates and gaps raise DeclarationError."""

    name: str
    deciders: Sequence[Decider[Any, Any, Any]] = ()
    views: Sequence[AnyView] = ()
    reactions: Sequence[Reaction[Any]] = ()

    def __post_init__(self) -> None:
        for what, declared in (("decider", self.deciders), ("view", self.views), ("reaction", self.reactions)):
            _check_names(what, [each.name for each in declared])
        _ = self.events, self.commands, self.decider_of

    @cached_property
    def events(self) -> EventCatalog:
        """All event types that any handler mentions."""
        handlers = (*self.deciders, *self.views, *self.reactions)
        return EventCatalog(dict.fromkeys(cls for handler in handlers for cls in handler.events))

    @cached_property
    def commands(self) -> CommandCatalog:
        """All command types that any decider accepts."""
        return CommandCatalog(self.decider_of)

    @cached_property
    def decider_of(self) -> Mapping[type, Decider[Any, Any, Any]]:
        """The decider of each command class."""
        found: dict[type, Decider[Any, Any, Any]] = {}
        for decider in self.deciders:
            for cls in decider.commands:
                if cls in found:
                    raise DeclarationError(
                        f"command {cls.__qualname__} is decided twice: by {found[cls].name!r} and {decider.name!r}"
                    )
                found[cls] = decider
        return found


def _check_names(what: str, names: Sequence[str]) -> None:
    for name in names:
        if not name.isidentifier() or len(name) > 63:
            raise InvalidName(f"{what} name", name, "a word of letters, digits and underscores, at most 63")
        if names.count(name) > 1:
            raise DeclarationError(f"two {what}s are called {name!r}; give each a name of its own")

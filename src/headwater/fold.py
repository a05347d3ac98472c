"""What a user declares: plain data around pure functions. Everything is a fold, `state = evolve(state, event)`.

Type parameters: C commands, S state, E events (a union of classes each), R a view's rows.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import Any, Generic, TypeVar

from headwater.annotations import parameter_types, returned, returned_types, sequence_types
from headwater.codec import CommandCatalog, EventCatalog
from headwater.errors import DeclarationError, InvalidName
from headwater.messages import Envelope, Query, Record
from headwater.sealing import Sealer
from headwater.upcasting import Upcaster, flattened

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")
R = TypeVar("R", covariant=True)  # a view's rows

MAX_SNAPSHOT_VERSION = 2**31 - 1


@dataclass(frozen=True)
class Snapshots:
    """When a decider's state of a stream is kept, so that the next commands on it fold only what has followed: after a
    command, when `every` so many events have come since the last snapshot, or when folding took longer than `seconds`.

    The state must be equal to itself once it was written as JSON and read again, by the type that `evolve` returns.
    `version` is raised, to one that was never used, whenever `evolve`, the state's type or upcasters change: what was
    kept is then ignored.
    """

    every: int | None = 1_000
    seconds: float | None = None
    version: int = 1

    def __post_init__(self) -> None:
        if self.every is None and self.seconds is None:
            raise DeclarationError("snapshots that are never taken: give `every`, `seconds` or both")
        if (self.every is not None and self.every < 1) or (self.seconds is not None and self.seconds < 0):
            raise DeclarationError("snapshots: `every` is at least 1, and `seconds` at least 0")
        if not 1 <= self.version <= MAX_SNAPSHOT_VERSION:
            raise DeclarationError(f"snapshots: a version is 1 to {MAX_SNAPSHOT_VERSION}, not {self.version}")


@dataclass(frozen=True)
class Decider(Generic[C, S, E]):
    """How commands become events.

    `decide(command, state)` returns the events (none: nothing changes) or raises Rejected; `evolve(state, event)`
    returns the next state; `initial()` is the state before any event. Both are pure and synchronous.
    `stream(command)` names the instance: the events go to stream `<name>-<instance>`.
    The state is folded from that stream, or, where `query(command)` is given, from all events that match it wherever
    they are; the append then holds only if no further event matches (a dynamic consistency boundary).
    `tags(event)` are recorded with each event, for such queries. `snapshots` spare folding a long stream each time.
    """

    name: str
    initial: Callable[[], S]
    decide: Callable[[C, S], Sequence[E]]
    evolve: Callable[[S, E], S]
    stream: Callable[[C], str]
    query: Callable[[C], Query] | None = None
    tags: Callable[[E], Sequence[str]] | None = None
    snapshots: Snapshots | None = None

    def __post_init__(self) -> None:
        if self.snapshots and self.query:
            raise DeclarationError(f"decider {self.name!r}: snapshots are of a stream; with a `query` there are none")

    @cached_property
    def state(self) -> Any:
        """The state's type, from the annotation of `evolve`; from the initial state, where that says nothing."""
        return returned(self.evolve, f"decider {self.name!r}") or type(self.initial())

    @cached_property
    def commands(self) -> tuple[type, ...]:
        """The command classes, from the annotation of `decide`."""
        return parameter_types(self.decide, 0, f"decider {self.name!r}")

    @cached_property
    def events(self) -> tuple[type, ...]:
        """The event classes, from the annotation of `evolve`."""
        return parameter_types(self.evolve, 1, f"decider {self.name!r}")


class Unknown(Enum):
    """What a view does about an event of one of its types in a version that the application does not know: a newer
    application has written it."""

    STOP = "stop"
    """It stops before that event, and goes on once the application knows it."""
    SKIP = "skip"
    """It goes on without it, and lacks it from then on."""


@dataclass(frozen=True)
class View(Generic[R, E]):
    """A keyed materialized view: events grouped by `key(event)`, each group folded into one row.

    `key(event)` is the key, several keys, or None (the event does not concern this view). `initial(key)` is the row
    before any event: its first field holds the key. `evolve(row, event)` returns the next row, or None to delete it.
    The columns are the fields of the row's class; `index` names columns (or tuples of columns) to be indexed.
    `version` is raised when any of this changes: the view is then built anew beside the old one and takes over.
    `inline` views change in the transaction of the append; others follow as fast as they can. `unknown` says what
    becomes of events that the application does not know yet.
    """

    name: str
    key: Callable[[E], str | Iterable[str] | None]
    initial: Callable[[str], R]
    evolve: Callable[[R, E], R | None]
    version: int = 1
    index: Sequence[str | tuple[str, ...]] = ()
    inline: bool = False
    unknown: Unknown = Unknown.STOP

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
    means, run in order in one transaction with the checkpoint. `version`, `inline` and `unknown` as in View.
    """

    name: str
    tables: Mapping[str, str]
    evolve: Callable[[E], Iterable[Statement]]
    version: int = 1
    inline: bool = False
    unknown: Unknown = Unknown.STOP

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
class Topic:
    """Records for many to read, in `partitions`; those of one key keep their order.

    Recorded events of the classes in `events` are relayed to it from the store, keyed by stream. Records older than
    `max_age` are removed, and the oldest of a partition when it holds more than `max_bytes`. When the slowest group is
    `backlog` records behind, producers are told to wait (Overloaded). `replicas` counts on how many of a broker's nodes
    it is kept, where there are several. `told(event)` makes of a recorded event what is published of it, where others
    are to be told something else than what is stored: pure, of the same id.
    """

    name: str
    events: tuple[type, ...] = ()
    partitions: int = 4
    max_age: timedelta | None = None
    max_bytes: int | None = None
    max_record_bytes: int = 1024 * 1024
    backlog: int | None = None
    replicas: int = 1
    told: Callable[[Envelope], Envelope] | None = None

    def __post_init__(self) -> None:
        plain = self.name.replace("_", "").replace("-", "")
        if not (plain.isascii() and plain.isalnum()) or len(self.name) > 63:
            raise InvalidName("topic name", self.name, "letters, digits, '_' and '-', at most 63")
        if not 1 <= self.partitions <= 256 or self.replicas < 1 or self.max_record_bytes < 1:
            raise DeclarationError(f"topic {self.name!r}: partitions are 1 to 256, replicas and sizes at least 1")


class Behind(Enum):
    """What becomes of the records of a key while an earlier one rests in the dead letters."""

    WAIT = "wait"
    """They wait behind it, and follow once it is redriven or discarded: order is kept."""
    PASS = "pass"
    """They pass it: the key goes on without it."""


@dataclass(frozen=True)
class Consumer(Generic[E]):
    """From a topic's records to their effects: `do(event)`, or `do(event, record)`, for every record whose type its
    annotation names; annotated with `Sequence[…]`, for several at once; annotated with `Record`, for every record.

    `do` returns what follows, if anything: statements in SQL for its `tables` (`{table}` stands for a table's name),
    which are run in one transaction with the note that this record is done, so they count once; and commands, which
    count once by their ids. What it does itself, as a coroutine function, it does at least once.

    Records of one key are worked off one at a time, in order; up to `concurrency` keys at once. An attempt that takes
    longer than `timeout` seconds is cancelled. A record that failed is tried again with backoff, which holds up its key
    and nobody else; after `attempts` (None: no end) it rests in the dead letters, with those of its key `behind` it.
    About `max_open` records are held, and never more than twice as many. What is done is remembered for `remember`, so
    that repetitions within that time count once. Without `once` nothing is noted, and a record may be worked off again.
    """

    topic: str
    name: str
    do: Callable[..., Any]
    concurrency: int = 16
    attempts: int | None = 5
    timeout: float = 30.0
    behind: Behind = Behind.WAIT
    tables: Mapping[str, str] = field(default_factory=dict)
    once: bool = True
    max_open: int = 1_000
    remember: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        if self.concurrency < 1 or (self.attempts is not None and self.attempts < 1) or self.max_open < 1:
            raise DeclarationError(f"consumer {self.name!r}: concurrency, attempts and max_open are at least 1")

    @cached_property
    def accepts(self) -> tuple[type, ...]:
        """The classes in the annotation of `do`: events, or Record alone."""
        return sequence_types(self.do, 0, f"consumer {self.name!r}")[1]

    @cached_property
    def batches(self) -> bool:
        """Whether `do` takes several records at once."""
        return sequence_types(self.do, 0, f"consumer {self.name!r}")[0]

    @cached_property
    def raw(self) -> bool:
        """Whether `do` takes records as they are."""
        return Record in self.accepts

    @cached_property
    def events(self) -> tuple[type, ...]:
        """The event classes that `do` takes."""
        return () if self.raw else self.accepts

    def __call__(self, *arguments: Any) -> Any:
        """What `do` returns: a consumer can be tried out as the function that it was."""
        return self.do(*arguments)


def consumer(
    topic: str, name: str, *, concurrency: int = 16, attempts: int | None = 5, timeout: float = 30.0,
    behind: Behind = Behind.WAIT, tables: Mapping[str, str] | None = None, once: bool = True, max_open: int = 1_000,
    remember: timedelta = timedelta(days=7),
) -> Callable[[Callable[..., Any]], Consumer[Any]]:  # fmt: skip
    """Declare a function as the Consumer of a topic, in the group `name`. It is run by an App that lists it."""
    return lambda do: Consumer(
        topic, name, do, concurrency, attempts, timeout, behind, tables or {}, once, max_open, remember
    )


@dataclass(frozen=True)
class App:
    """A whole application. Building it checks it: duplicates and gaps raise DeclarationError."""

    name: str
    deciders: Sequence[Decider[Any, Any, Any]] = ()
    views: Sequence[AnyView] = ()
    reactions: Sequence[Reaction[Any]] = ()
    topics: Sequence[Topic] = ()
    consumers: Sequence[Consumer[Any]] = ()
    upcasters: Sequence[Upcaster | Sequence[Upcaster]] = ()

    def __post_init__(self) -> None:
        reactions, consumers = [each.name for each in self.reactions], [each.name for each in self.consumers]
        views, tables = [view.name for view in self.views], [name for each in self.consumers for name in each.tables]
        _check_names("decider", [each.name for each in self.deciders])
        _check_names("view", views)
        _check_names("reaction", reactions)
        _check_names("consumer", consumers)
        _check_names("table", tables)
        _check_once("reaction or consumer", reactions + consumers)
        _check_once("view or table", views + tables)
        _check_once("topic", [topic.name for topic in self.topics])
        _ = self.events, self.commands, self.decider_of

    @cached_property
    def events(self) -> EventCatalog:
        """All event types that any handler mentions, and how older ones become them."""
        handled = [
            *(each.events for each in self.deciders),
            *(each.events for each in self.views),
            *(each.events for each in self.reactions),
            *(each.events for each in self.topics),
            *(each.events for each in self.consumers),
        ]
        return EventCatalog(dict.fromkeys(cls for classes in handled for cls in classes), flattened(self.upcasters))

    def with_sealer(self, sealer: Sealer) -> "App":
        """The same application, whose events' personal fields are sealed and opened by that."""
        made = replace(self)
        vars(made)["events"] = self.events.with_sealer(
            sealer
        )  # in the place of what would be made when it is asked for
        return made

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
    _check_once(what, names)


def _check_once(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"two {what}s are called {name!r}; give each a name of its own")

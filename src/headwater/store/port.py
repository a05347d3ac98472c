"""The event store as a port: what every adapter promises. `headwater.testing` holds the suite that checks it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import msgspec

from headwater.errors import BadInput, Conflict, EventTooLarge, InvalidName, MalformedData
from headwater.messages import (
    ALL,
    Appended,
    Batch,
    Condition,
    EncodedEvent,
    Envelope,
    NewEvent,
    Page,
    Position,
    Query,
    Receipt,
    Write,
)
from headwater.store.removal import Cut, Removed, StreamMark

MAX_EVENT_BYTES = 1024 * 1024
MAX_NAME_CHARS = 255
MAX_TYPE_VERSION = 2**31 - 1
LOAD_LIMIT = 10_000

_read_json = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(frozen=True)
class Capabilities:
    """How an adapter differs from others: declared, so that nobody asks which adapter it is."""

    durable: bool
    """An acknowledged append survives kill -9 and power loss."""
    shared: bool
    """Several processes may use the store at once."""
    notified: bool = True
    """What others record is told at once, not found by looking every 50 ms."""
    parallel: bool = False
    """A server does the work: two calls at once take less time than one after the other."""


Decision = Callable[[Iterable[Batch]], Sequence[NewEvent]]
"""From the events of a stream, in order, to the events that follow (none: nothing does). Pure, synchronous and short;
it may be asked again. What it raises, `EventStore.decide` raises, and nothing is appended."""


class Size(NamedTuple):
    """How much is in a store. `bytes` is what it takes up, views and all; None where nothing is kept."""

    events: int
    bytes: int | None


class EventStore(Protocol):
    """Streams of events in one total order.

    Safe for any number of concurrent tasks of one event loop. Positions grow by commit order: a reader that has seen
    position p never later sees an event before p.
    """

    @property
    def address(self) -> str:
        """Where the store is, for messages: without a password."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def append(
        self, *writes: Write, condition: Condition | None = None, id: str = "", fingerprint: str = ""
    ) -> Appended:
        """Append all events of all `writes`, or none, durably.

        An append with an `id` that came before changes nothing and returns the first result (`repeated`); if both
        times a `fingerprint` of the content was given and they differ, IdReused is raised.
        Raises WrongExpectedVersion, ConditionFailed, IdReused, StreamClosed, EventTooLarge, InvalidName, BadInput,
        Overloaded, StoreError.
        """

    async def decide(
        self, stream: str, decision: Decision, *, after: int = 0, id: str = "", fingerprint: str = ""
    ) -> Appended:
        """Append to a stream what `decision` makes of its events after stream version `after`, with nobody's append in
        between.

        With an `id` that came before, nothing is decided and the first result returned. Raises what the decision and
        `append` raise; Conflict only after several attempts that others beat; BadInput where the stream has no event
        of version `after`.
        """

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        """Up to `limit` events of a stream after stream version `after`, in order, to be folded.

        A missing stream is empty. Raises StreamTruncated where `after` is before what is left of the stream.
        """

    async def scan(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Batch:
        """Up to `limit` events after a position that match, in order, to be folded."""

    async def read(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Page:
        """Up to `limit` events after a position that match, in order, with everything known about them.

        A page may be empty although more follows: go on from its `position` while that is below its `head`.
        """

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        """Up to `limit` events of one stream after stream version `after`, in order: of what is left of it."""

    async def find_append(self, id: str, fingerprint: str = "") -> Appended | None:
        """The result of the append with that id, if there was one. Raises IdReused as `append` does."""

    async def head(self) -> Position:
        """The last position; 0 for an empty store."""

    async def receipts(self, after: str = "", *, limit: int = 1000) -> list[Receipt]:
        """Up to `limit` receipts of appends whose id comes after that one, sorted by id (by code points)."""

    async def restore(self, events: Sequence[Envelope], receipts: Sequence[Receipt] = ()) -> None:
        """Record events of another store as they are, positions and all, and receipts that are not there yet; all or
        nothing. Gaps between positions stay.

        Raises Conflict if a position is not above those before it, or a version does not follow its stream's.
        """

    async def remove(self, *cuts: Cut, actor: str = "", reason: str = "") -> Removed:
        """Remove the first events of streams, for good, in one transaction with an event that records it, in the stream
        `headwater-removals`: who, when, how many, and why.

        Every stream keeps its version, and every other event its position. What was folded from the removed events
        stays; what is folded from now on lacks them: views that are built anew, and states by a query. A stream is not
        folded in part: `load` and `decide` raise StreamTruncated. What is gone already is not asked for again.
        Raises UnknownType for a stream that is not there, BadInput, StoreError.
        """

    async def close_stream(self, stream: str, *, actor: str = "", reason: str = "") -> int:
        """Let nobody append to a stream any more, for good, and record it as `remove` does; its version. Its name stays
        taken, even when all its events are removed. Closing it twice is harmless.

        Raises UnknownType for a stream that is not there, BadInput, StoreError.
        """

    async def marks(self, after: str = "", *, limit: int = 1000) -> list[StreamMark]:
        """Up to `limit` streams that are closed, or have lost events, whose name comes after that one, sorted by name
        (by code points)."""

    async def mark(self, marks: Sequence[StreamMark]) -> None:
        """Take over what another store remembers of its streams, before their events are restored; all or nothing.

        Raises Conflict where a stream has events that contradict it.
        """

    async def put_back(self, events: Sequence[Envelope], *, actor: str = "", reason: str = "") -> int:
        """Put removed events back where they were, all or nothing, and record it as `remove` does; the position of that
        event. They come in order of their positions, and are the last that are gone of each of their streams. Who has
        read past their positions is not told.

        Raises Conflict for others, BadInput for none, StoreError.
        """

    async def size(self) -> Size:
        """Count everything."""

    async def wait(self, after: Position, *, timeout: float) -> Position:
        """Return the last position as soon as it is above `after`, or when `timeout` seconds are over.

        Woken at once by appends of this process, within 50 ms by those of others.
        """

    async def check(self) -> list[str]:
        """What is wrong with the store's own structures, a line each (at most 100); nothing where it is sound."""

    async def obstacles(self) -> list[str]:
        """Who keeps readers or writers of this store from going on at this moment, a line each."""

    async def close(self) -> None:
        """Finish what was accepted, then release everything. Closing twice is harmless."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def check_writes(writes: tuple[Write, ...], id: str, max_event_bytes: int) -> None:
    """Refuse what no store accepts, before anything is written. Raises BadInput and its kin."""
    if not any(write.events for write in writes):
        raise BadInput("an append needs at least one event")
    if id:
        _check_name("append id", id)
    if len(writes) > 1:
        _check_distinct([write.stream for write in writes])
    for write in writes:
        check_stream(write.stream)
        for event in write.events:
            if len(event.data) > max_event_bytes:
                raise EventTooLarge(event.type, len(event.data), max_event_bytes)
            if event.__class__ is not EncodedEvent:
                _check_event(event)
            for tag in event.tags:
                _check_name("tag", tag)


def _check_distinct(names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"stream {twice!r} is written twice in one append; join the two writes")


def check_restored(events: Sequence[Envelope], head: Position, versions: Mapping[str, int]) -> None:
    """Raises Conflict unless these events can follow in a store at `head`, whose streams have those versions."""
    reached, last = dict(versions), head
    for event in events:
        if event.position <= last:
            raise Conflict(f"position {event.position} comes after {last}: this store has a history of its own")
        version = reached.get(event.stream, 0)
        if event.stream_version != version + 1:
            raise Conflict(f"version {event.stream_version} of stream {event.stream!r} comes after {version}")
        reached[event.stream], last = event.stream_version, event.position


def as_new(event: Envelope) -> NewEvent:
    """A recorded event, to be recorded elsewhere."""
    return NewEvent(event.type, event.data, event.type_version, event.tags, event.metadata, event.id, event.time)


def _check_event(event: NewEvent) -> None:
    _check_name("event type", event.type)
    if not 1 <= event.type_version <= MAX_TYPE_VERSION:
        raise BadInput(f"event {event.type!r}: a type version is 1 to {MAX_TYPE_VERSION}, not {event.type_version}")
    try:
        event.data.decode()
        _read_json(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedData(f"data of event {event.type!r}", str(error)) from error


def check_reached(stream: str, version: int, after: int) -> None:
    """Raises BadInput unless a stream at `version` has an event of version `after`."""
    if after > version:
        raise BadInput(f"stream {stream!r} has no event of version {after} to go on from; decide on all of it")


def check_stream(name: str) -> None:
    """Raises InvalidName unless `name` may name a stream."""
    _check_name("stream name", name)


def _check_name(what: str, name: str) -> None:
    if not 0 < len(name) <= MAX_NAME_CHARS or not name.isprintable() or name != name.strip():
        raise InvalidName(what, name, f"1 to {MAX_NAME_CHARS} printable characters, no space at either end")

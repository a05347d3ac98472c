"""What travels: events before and after they are recorded, what an append asks for and what it returns; and records,
before and after they are published to a topic."""

import os
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from headwater.clock import to_datetime

Position = int
"""Place of an event in the order of all events of a store: 1 is the first, 0 stands before it."""

_random = random.Random(os.urandom(32))
os.register_at_fork(after_in_child=lambda: _random.seed(os.urandom(32)))


def new_id(now: int) -> str:
    """A time-ordered unique id (UUID version 7, RFC 9562). `now` is in microseconds since 1970."""
    bits = _random.getrandbits(74)
    millis = (now // 1000) & 0xFFFF_FFFF_FFFF
    number = millis << 80 | 0x7 << 76 | (bits >> 62) << 64 | 0b10 << 62 | bits & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a message comes from.

    `correlation_id` names the conversation it belongs to, `causation_id` the message that caused it,
    `traceparent` is a W3C trace context, `actor` who asked for it.
    """

    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    actor: str = ""


NO_METADATA = Metadata()


class Kind(NamedTuple):
    """What an event is: its stable type name and the version of that type's schema."""

    type: str
    version: int


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that is to be recorded. `data` is UTF-8 JSON. Without an `id` the store gives it one, and without a
    `time` (microseconds since 1970) that of recording; both are given when events move from another store."""

    type: str
    data: bytes
    type_version: int = 1
    tags: tuple[str, ...] = ()
    metadata: Metadata = NO_METADATA
    id: str = ""
    time: int = 0


class EncodedEvent(NewEvent, frozen=True, gc=False):
    """A new event that a catalog has encoded: its name and its data need no further look."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A recorded event: `data` (UTF-8 JSON) and everything known about it."""

    position: Position
    stream: str
    stream_version: int
    id: str
    type: str
    type_version: int
    data: bytes
    time: int
    tags: tuple[str, ...] = ()
    metadata: Metadata = NO_METADATA

    @property
    def recorded_at(self) -> datetime:
        """When the store recorded it (UTC)."""
        return to_datetime(self.time)


class Batch(msgspec.Struct, frozen=True, gc=False):
    """A run of events encoded together, so that they can be decoded in one step.

    `json` is an array of `[kind, data]` pairs in order; a kind is an index into `kinds`. `position` is how far the
    store was read in the all-events order (for a stream: its last event's position), `version` the stream's version.
    `kinds` is one object for the store's life that only ever grows.
    """

    json: str | bytes
    kinds: Sequence[Kind]
    count: int
    position: Position
    version: int = 0


class Page(msgspec.Struct, frozen=True, gc=False):
    """Events in the all-events order. `position` is how far was read: at least the last event's, further where a
    query left events out. `head` was the store's last position at the time of reading."""

    events: Sequence[Envelope]
    position: Position
    head: Position


class QueryItem(msgspec.Struct, frozen=True):
    """Events of any of `types` (none given: of all) which bear every one of `tags`."""

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def matches(self, type: str, tags: Sequence[str]) -> bool:
        return (not self.types or type in self.types) and all(tag in tags for tag in self.tags)


class Query(msgspec.Struct, frozen=True):
    """Events that match any of `items`; no items: all events."""

    items: tuple[QueryItem, ...] = ()

    def matches(self, type: str, tags: Sequence[str]) -> bool:
        return not self.items or any(item.matches(type, tags) for item in self.items)


ALL = Query()


def query(*types: str, tags: Sequence[str] = ()) -> Query:
    """Events of any of `types` which bear every one of `tags`."""
    return Query((QueryItem(types, tuple(tags)),)) if types or tags else ALL


class Write(msgspec.Struct, frozen=True):
    """Events for one stream. `expected`: None for any version, 0 for a stream that does not exist, n for exactly n."""

    stream: str
    events: Sequence[NewEvent]
    expected: int | None = None


class Condition(msgspec.Struct, frozen=True):
    """Append only if no event after position `after` matches `query` (a dynamic consistency boundary)."""

    query: Query
    after: Position


class Receipt(msgspec.Struct, frozen=True):
    """What a store remembers of an append that came with an id: its result, and its content's fingerprint."""

    id: str
    first: Position
    last: Position
    versions: tuple[int, ...]
    fingerprint: str = ""


class Appended(msgspec.Struct, frozen=True):
    """What an append did: the positions of its first and last event, each stream's version after it (in the order of
    the writes), and whether it was `repeated`: the same id came before, and this is that first result.

    Where nothing was to be appended, `last` is the position of the stream's last event and `first` the one after it.
    """

    first: Position
    last: Position
    versions: tuple[int, ...]
    repeated: bool = False


Offset = int
"""A record's place in its partition of a topic. Offsets grow; some may be left out."""

NO_HEADERS: Mapping[str, str] = {}


class NewRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that is to be published.

    Records of one `key` keep their order; those without one (None) have none. With an `id` a record counts once for
    consumers with an inbox, however often it is published; brokers that declare it drop repetitions themselves for a
    while. `headers` are texts by lower-case name. `time` is in microseconds since 1970; without one the broker sets it.
    """

    value: bytes
    key: str | None = None
    id: str = ""
    headers: Mapping[str, str] = NO_HEADERS
    time: int = 0


class Record(msgspec.Struct, frozen=True, gc=False):
    """A published record and where it lies."""

    topic: str
    partition: int
    offset: Offset
    key: str | None
    value: bytes
    id: str
    headers: Mapping[str, str]
    time: int

    @property
    def identity(self) -> str:
        """By what a repetition is recognized: its id, or its place and time where it has none: a topic that is lost or
        made anew has the same places again."""
        return self.id or f"{self.topic}/{self.partition}/{self.offset}/{self.time}"

"""Whether the code of today reads what is stored: every event decoded and upcast, or a sample of each kind."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Union

import msgspec

from headwater.codec import UNREADABLE, EventCatalog
from headwater.errors import MalformedData, StoreCorrupt, UnknownType
from headwater.messages import Batch, Envelope, Kind, Position, query
from headwater.store.port import EventStore

BATCH = 1_000
WINDOWS = 8
"""Of a sample: at how many places of the store it is taken."""

Show = Callable[[Position, int], None]
"""Is told how far it is, and how many events were read."""


class Failure(msgspec.Struct, frozen=True):
    """Events of a kind that do not decode: how many, where the first of them is, and why that one does not. `unknown`:
    nothing in the code declares that kind."""

    kind: Kind
    count: int
    first: Position
    reason: str
    unknown: bool


@dataclass
class Verified:
    """What was found. `events` were read, of these `kinds`; `unreadable` positions hold no event that the store can
    hand out (the first of them, with why)."""

    events: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    failures: dict[Kind, Failure] = field(default_factory=dict)
    unreadable: dict[Position, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether all that was read decodes."""
        return not (self.failures or self.unreadable)

    def fail(self, kind: Kind, position: Position, error: Exception) -> None:
        """Note that an event does not decode."""
        before = self.failures.get(kind)
        if before is None:
            said = f"event {kind.type!r} version {kind.version}"
            reason = error.why if isinstance(error, MalformedData) and error.what == said else str(error)
            self.failures[kind] = Failure(kind, 1, position, reason, isinstance(error, UnknownType))
        else:
            self.failures[kind] = msgspec.structs.replace(before, count=before.count + 1)


async def verify(events: EventCatalog, store: EventStore, show: Show = lambda *_: None) -> Verified:
    """Read every event that is recorded by now, decode and upcast it."""
    checker, head, position = Checker(events, store), await store.head(), 0
    while position < head:
        try:
            async with aclosing(_batches(store, position, head)) as batches:
                async for after, batch in batches:
                    await checker.look_at(batch, after)
                    position = max(batch.position, after + 1)
                    show(position, checker.found.events)
        except (StoreCorrupt, *UNREADABLE):
            position = await checker.around(position, min(position + BATCH, head))
    return checker.found


async def _batches(
    store: EventStore, position: Position, head: Position
) -> AsyncGenerator[tuple[Position, Batch], None]:
    """Batches up to a position, each with that after which it begins. One is read ahead."""

    def read(after: Position) -> asyncio.Task[Batch]:
        return asyncio.create_task(store.scan(after=after, limit=min(BATCH, head - after)), name="verify reads on")

    reading = read(position)
    try:
        while position < head:
            after, batch = position, await reading
            position = max(batch.position, after + 1)
            if position < head:
                reading = read(position)
                await asyncio.sleep(0)  # a server gets to work on it
            yield after, batch
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def verify_sample(events: EventCatalog, store: EventStore, size: int, show: Show = lambda *_: None) -> Verified:
    """The same for about `size` events of each type and version, taken from several places of the store."""
    checker, head = Checker(events, store), await store.head()
    kinds = (await store.scan(limit=1)).kinds
    types = list(dict.fromkeys(kind.type for kind in kinds))
    for n, type in enumerate(types):
        versions = {kind.version for kind in kinds if kind.type == type}
        for event in await _sample(store, head, type, versions, size):
            checker.look_at_one(event)
        show(head * (n + 1) // len(types), checker.found.events)
    return checker.found


async def _sample(store: EventStore, head: Position, type: str, versions: set[int], size: int) -> list[Envelope]:
    found: dict[Position, Envelope] = {}
    each = math.ceil(size * len(versions) / WINDOWS)
    for n in range(WINDOWS):
        await _gather(store, type, found, head * n // WINDOWS, head, each)
    # A version that was met nowhere lies close together: it is looked for from the beginning.
    position = 0
    while position < head and versions - {event.type_version for event in found.values()}:
        position = await _gather(store, type, found, position, head, BATCH)
    kept: Counter[int] = Counter()
    events = []
    for event in sorted(found.values(), key=lambda event: event.position % 997):
        kept[event.type_version] += 1
        events += [event] if kept[event.type_version] <= size else []
    return sorted(events, key=lambda event: event.position)


async def _gather(
    store: EventStore, type: str, found: dict[Position, Envelope], position: Position, head: Position, count: int
) -> Position:
    """Take up to that many events of a type from a position on; the position reached."""
    wanted = len(found) + count
    while position < head and len(found) < wanted:
        page = await store.read(query(type), after=position, limit=wanted - len(found))
        found |= {event.position: event for event in page.events if event.type == type}
        if page.position <= position:
            return head
        position = page.position
    return position


class Checker:
    """Decodes batches in one step each, counting kinds; where one fails, event by event."""

    def __init__(self, events: EventCatalog, store: EventStore) -> None:
        self.found = Verified()
        self._events = events
        self._store = store
        self._known = -1
        self._kinds: Sequence[Kind] = ()
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
        self._pairs: dict[type, Kind] = {}
        self._slow: dict[type, Kind] = {}

    async def look_at(self, batch: Batch, after: Position) -> None:
        """Decode the events of a batch that was read after a position."""
        if not batch.count:
            return
        if batch.kinds is not self._kinds or len(batch.kinds) != self._known:
            self._learn(batch.kinds)
        try:
            pairs = self._decoder.decode(batch.json)
        except UNREADABLE:
            await self._one_by_one(batch, after)
            return
        counts = Counter(map(type, pairs))
        if not self._slow.keys().isdisjoint(counts):
            for kind, n, error in list(self._upcast(pairs)):
                await self._failed(kind, after, n, error)
        for cls, count in counts.items():
            self.found.kinds[self._pairs[cls]] += count
        self.found.events += len(pairs)

    def look_at_one(self, event: Envelope) -> None:
        """Decode one event."""
        kind = Kind(event.type, event.type_version)
        self.found.events += 1
        self.found.kinds[kind] += 1
        try:
            self._events.decode(event)
        except (MalformedData, UnknownType) as error:
            self.found.fail(kind, event.position, error)

    async def around(self, position: Position, upto: Position) -> Position:
        """Read what can be read between two positions, where the store fails on a batch; the position reached."""
        while position < upto:
            try:
                page = await self._store.read(after=position, limit=1)
            except (StoreCorrupt, *UNREADABLE) as found:
                position += 1
                self.found.unreadable[position] = str(found)
                continue
            for event in page.events:
                self.look_at_one(event)
            position = max(page.position, position + 1)
        return position

    def _upcast(self, pairs: Sequence[Any]) -> Iterator[tuple[Kind, int, Exception]]:
        """Upcast those that are not of today; which of them fail."""
        slow, shapes, chains, upcast = self._slow, self._events.shapes, self._events.chains, self._events.upcast
        for n, pair in enumerate(pairs):
            kind = slow.get(pair.__class__)
            if kind is None:
                continue
            if kind in shapes:
                shapes[kind].make(pair.data)
            elif kind in chains:
                try:
                    upcast(kind, pair.data)
                except MalformedData as error:
                    yield kind, n, error
            else:
                yield kind, n, self._events.unknown(kind)

    async def _one_by_one(self, batch: Batch, after: Position) -> None:
        for n, (number, raw) in enumerate(msgspec.json.decode(batch.json, type=list[tuple[int, msgspec.Raw]])):
            kind = batch.kinds[number]
            self.found.kinds[kind] += 1
            try:
                self._events.decode_data(kind, bytes(raw))
            except (MalformedData, UnknownType) as error:
                await self._failed(kind, after, n, error)
        self.found.events += batch.count

    async def _failed(self, kind: Kind, after: Position, n: int, error: Exception) -> None:
        """The n-th event behind a position does not decode. Where the first of its kind is, is looked up."""
        position = 0
        if kind not in self.found.failures:
            page = await self._store.read(after=after, limit=n + 1)
            position = page.events[n].position
        self.found.fail(kind, position, error)

    def _learn(self, kinds: Sequence[Kind]) -> None:
        self._pairs, self._slow = {}, {}
        for number, kind in enumerate(kinds):
            form: Any = self._events.form(kind)
            pair = msgspec.defstruct(f"Kind{number}", [("data", form)], array_like=True, tag=number, gc=False)
            self._pairs[pair] = kind
            if kind not in self._events.types:
                self._slow[pair] = kind
        self._decoder = msgspec.json.Decoder(list[Union[tuple(self._pairs)]])  # type: ignore[misc] # noqa: UP007
        self._kinds, self._known = kinds, len(kinds)

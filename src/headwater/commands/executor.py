"""Executing commands: load, fold, decide, append; again from the start if someone else was first."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from headwater.clock import Clock
from headwater.codec import BatchDecoder, CommandCatalog, EventCatalog, type_names
from headwater.errors import BadInput, Conflict, DeclarationError, IdReused, UnknownType
from headwater.fold import App, Decider
from headwater.messages import (
    NO_METADATA,
    Appended,
    Condition,
    Envelope,
    Metadata,
    NewEvent,
    Position,
    Query,
    QueryItem,
    Write,
    new_id,
)
from headwater.store.port import LOAD_LIMIT, EventStore

S = TypeVar("S")

ATTEMPTS = 10
BACKOFF = 0.002  # seconds: the longest wait before the second attempt; doubled for each further one
BACKOFF_CAP = 0.25


class Executed(msgspec.Struct, frozen=True, gc=False):
    """What a command did: the events it recorded in `stream`, which is now at `version`, and the `position` to wait
    for to see them in views. `repeated`: the command's id came before, and this is that first result."""

    id: str
    stream: str
    version: int
    position: Position
    events: tuple[Any, ...] = ()
    repeated: bool = False


class Loaded(msgspec.Struct, Generic[S], frozen=True, gc=False):
    """A state and what it was folded from: the stream's `version`, and the `position` up to which was read."""

    state: S
    version: int
    position: Position


class Executor:
    """Executes the commands of an application on a store. Any number of tasks may call it at once."""

    def __init__(self, app: App, store: EventStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._events: EventCatalog = app.events
        self._commands: CommandCatalog = app.commands
        self._decider_of = app.decider_of
        self._decoders: dict[str, BatchDecoder[Any]] = {each.name: BatchDecoder(app.events) for each in app.deciders}
        self._handled = {each.name: type_names(each.events) for each in app.deciders}
        anything = frozenset(app.events.types.values())
        self._allowed = {each.name: anything if each.query else frozenset(each.events) for each in app.deciders}

    async def execute(self, command: object, *, id: str = "", metadata: Metadata = NO_METADATA) -> Executed:
        """Decide on a command and record the events, durably, exactly once for each `id`.

        Without an `id` every call counts. With one, a second call changes nothing and returns the first result; a
        decision without events, and a refusal, leave no trace and are decided anew. The events' correlation id is
        that of `metadata`, by default the command's id; their causation id is the command's id.
        Raises Rejected, UnknownType, BadInput; IdReused if the id came with another command; Conflict after
        10 attempts that others beat; StoreError.
        """
        decider = self._decider_of.get(command.__class__)
        if decider is None:
            raise UnknownType("command", command.__class__.__qualname__, tuple(self._commands.types))
        fingerprint = self._fingerprint(command) if id else ""
        stream = f"{decider.name}-{decider.stream(command)}"
        for attempt in range(ATTEMPTS):
            if id and (first := await self._store.find_append(id, fingerprint)):
                return await self._repeated(id, stream, first)
            try:
                return await self._attempt(decider, command, stream, id, fingerprint, metadata)
            except IdReused:
                raise
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
            # Full jitter. Of the machine's time: a clock that stands still must not hold up commands.
            await asyncio.sleep(random.uniform(0, min(BACKOFF_CAP, BACKOFF * 2**attempt)))
        raise AssertionError("unreachable")

    async def _attempt(
        self, decider: Decider[Any, Any, Any], command: object, stream: str, id: str, fingerprint: str, meta: Metadata
    ) -> Executed:
        asked = self._asked(decider, command)
        loaded = await (self.load(decider, stream) if asked is None else self._gather(decider, asked))
        events = tuple(decider.decide(command, loaded.state))
        if not events:
            return Executed(id, stream, loaded.version, loaded.position)
        given = id or new_id(self._clock.now())
        write = Write(stream, self._encode(decider, events, given, meta), loaded.version if asked is None else None)
        condition = Condition(asked, loaded.position) if asked is not None else None
        done = await self._store.append(write, condition=condition, id=id, fingerprint=fingerprint)
        if done.repeated:
            return await self._repeated(id, stream, done)
        return Executed(given, stream, done.versions[0], done.last, events)

    async def load(self, decider: Decider[Any, S, Any], stream: str) -> Loaded[S]:
        """The state of one stream, folded from all its events."""
        state, version, position = decider.initial(), 0, 0
        decode, evolve = self._decoders[decider.name].decode, decider.evolve
        while True:
            batch = await self._store.load(stream, after=version)
            for event in decode(batch):
                state = evolve(state, event)
            version, position = batch.version, batch.position or position
            if batch.count < LOAD_LIMIT:
                return Loaded(state, version, position)

    def _asked(self, decider: Decider[Any, Any, Any], command: object) -> Query | None:
        """The decider's query, for no other types than its evolve handles."""
        if decider.query is None:
            return None
        asked = decider.query(command)
        if not all(item.types or item.tags for item in asked.items) or not asked.items:
            raise BadInput(f"decider {decider.name!r}: a query without types and tags would fold every event there is")
        handled = self._handled[decider.name]
        return Query(tuple(QueryItem(item.types or handled, item.tags) for item in asked.items))

    async def _gather(self, decider: Decider[Any, S, Any], asked: Query) -> Loaded[S]:
        """The state folded from all events that match a query."""
        state, position = decider.initial(), 0
        decode, evolve = self._decoders[decider.name].decode, decider.evolve
        while True:
            batch = await self._store.scan(asked, after=position, limit=LOAD_LIMIT)
            for event in decode(batch):
                state = evolve(state, event)
            if batch.position == position:
                return Loaded(state, 0, position)
            position = batch.position

    def _encode(
        self, decider: Decider[Any, Any, Any], events: Sequence[Any], id: str, meta: Metadata
    ) -> list[NewEvent]:
        recorded = Metadata(meta.correlation_id or id, id, meta.traceparent, meta.actor)
        self._check_declared(decider, events)
        tags: Callable[[Any], Sequence[str]] = decider.tags or _no_tags
        return [self._events.encode(event, tags=tags(event), metadata=recorded) for event in events]

    def _check_declared(self, decider: Decider[Any, Any, Any], events: Sequence[Any]) -> None:
        """Refuse what could not be read back: by the decider's own evolve, or, where a query says what that folds, by
        anyone."""
        allowed = self._allowed[decider.name]
        for event in events:
            if event.__class__ not in allowed:
                raise DeclarationError(
                    f"decider {decider.name!r} decided {event.__class__.__qualname__}, which its evolve does not "
                    "handle; add it to the annotation of evolve"
                )

    def _fingerprint(self, command: object) -> str:
        name, data = self._commands.encode(command)
        return hashlib.blake2b(data, digest_size=12, key=name.encode()[:64]).hexdigest()

    async def _repeated(self, id: str, stream: str, first: Appended) -> Executed:
        """The first result again, from the store."""
        count = first.last - first.first + 1
        found: list[Envelope] = list((await self._store.read(after=first.first - 1, limit=count)).events)
        events = tuple(self._events.decode(envelope) for envelope in found)
        return Executed(id, stream, first.versions[0], first.last, events, repeated=True)


def _no_tags(_event: Any) -> Sequence[str]:
    return ()

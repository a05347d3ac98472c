"""Executing commands: fold what was, decide, append."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial, reduce
from typing import Any, Generic, TypeVar

import msgspec

from headwater.clock import Clock
from headwater.codec import BatchDecoder, CommandCatalog, EventCatalog, type_names
from headwater.errors import BadInput, DeclarationError, UnknownType
from headwater.fold import App, Decider
from headwater.messages import (
    NO_METADATA,
    Appended,
    Batch,
    Condition,
    Metadata,
    NewEvent,
    Position,
    Query,
    QueryItem,
    Write,
    new_id,
)
from headwater.store.deciding import against_conflicts
from headwater.store.port import LOAD_LIMIT, EventStore

S = TypeVar("S")


class Executed(msgspec.Struct, frozen=True, gc=False):
    """What a command did: the events it recorded in `stream`, which is now at `version`, and the `position` to wait
    for to see them in views. `repeated`: the command's id came before, and this is that first result."""

    id: str
    stream: str
    version: int
    position: Position
    events: tuple[Any, ...] = ()
    repeated: bool = False


class Deciding(msgspec.Struct, frozen=True, gc=False):
    """A command on its way; `metadata` is what its events are recorded with."""

    decider: Decider[Any, Any, Any]
    command: object
    stream: str
    id: str
    fingerprint: str
    metadata: Metadata


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
        given = id or new_id(self._clock.now())
        deciding = Deciding(
            decider, command, f"{decider.name}-{decider.stream(command)}", id, fingerprint,
            Metadata(metadata.correlation_id or given, given, metadata.traceparent, metadata.actor),
        )  # fmt: skip
        if decider.query:
            return await against_conflicts(partial(self._by_query, deciding, decider.query(command)))
        return await self._by_stream(deciding)

    async def _by_stream(self, this: Deciding) -> Executed:
        decide, evolve, decode = this.decider.decide, this.decider.evolve, self._decoders[this.decider.name].decode
        events: tuple[Any, ...] = ()

        def decision(batches: Iterable[Batch]) -> Sequence[NewEvent]:
            nonlocal events
            state = this.decider.initial()
            for batch in batches:
                state = reduce(evolve, decode(batch), state)
            events = tuple(decide(this.command, state))
            return self._encode(this, events)

        done = await self._store.decide(this.stream, decision, id=this.id, fingerprint=this.fingerprint)
        return await self._executed(this, done, events)

    async def _by_query(self, this: Deciding, query: Query) -> Executed:
        if this.id and (first := await self._store.find_append(this.id, this.fingerprint)):
            return await self._executed(this, first, ())
        asked = self._narrowed(this.decider, query)
        state, position = await self._gather(this.decider, asked)
        events = tuple(this.decider.decide(this.command, state))
        if not events:
            return Executed(this.id, this.stream, 0, position)
        done = await self._store.append(
            Write(this.stream, self._encode(this, events)), condition=Condition(asked, position),
            id=this.id, fingerprint=this.fingerprint,
        )  # fmt: skip
        return await self._executed(this, done, events)

    async def _executed(self, this: Deciding, done: Appended, events: tuple[Any, ...]) -> Executed:
        if done.repeated:  # the first result again, from the store
            count = done.last - done.first + 1
            found = (await self._store.read(after=done.first - 1, limit=count)).events
            events = tuple(self._events.decode(envelope) for envelope in found)
        id = this.metadata.causation_id if events else this.id
        return Executed(id, this.stream, done.versions[0], done.last, events, done.repeated)

    async def load(self, decider: Decider[Any, S, Any], stream: str) -> Loaded[S]:
        """The state of one stream, folded from all its events."""
        state, version, position = decider.initial(), 0, 0
        decode, evolve = self._decoders[decider.name].decode, decider.evolve
        while True:
            batch = await self._store.load(stream, after=version)
            state = reduce(evolve, decode(batch), state)
            version, position = batch.version, batch.position or position
            if batch.count < LOAD_LIMIT:
                return Loaded(state, version, position)

    def _narrowed(self, decider: Decider[Any, Any, Any], asked: Query) -> Query:
        """The decider's query, for no other types than its evolve handles."""
        if not all(item.types or item.tags for item in asked.items) or not asked.items:
            raise BadInput(f"decider {decider.name!r}: a query without types and tags would fold every event there is")
        handled = self._handled[decider.name]
        return Query(tuple(QueryItem(item.types or handled, item.tags) for item in asked.items))

    async def _gather(self, decider: Decider[Any, S, Any], asked: Query) -> tuple[S, Position]:
        """The state folded from all events that match a query."""
        state, position = decider.initial(), 0
        decode, evolve = self._decoders[decider.name].decode, decider.evolve
        while True:
            batch = await self._store.scan(asked, after=position, limit=LOAD_LIMIT)
            state = reduce(evolve, decode(batch), state)
            if batch.position == position:
                return state, position
            position = batch.position

    def _encode(self, this: Deciding, events: Sequence[Any]) -> list[NewEvent]:
        self._check_declared(this.decider, events)
        encode, tags = self._events.encode, this.decider.tags or _no_tags
        return [encode(event, tags=tags(event), metadata=this.metadata) for event in events]

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


def _no_tags(_event: Any) -> Sequence[str]:
    return ()

"""Executing commands: fold what was, decide, append."""

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from headwater.clock import Clock
from headwater.codec import CommandCatalog, EventCatalog
from headwater.commands.folding import Folding, Loaded
from headwater.commands.snapshotter import Found, Snapshotter
from headwater.errors import DeclarationError, KeysNeeded, Rejected, UnknownType
from headwater.fold import App, Decider
from headwater.keys.fetching import awaiting_keys
from headwater.messages import (
    NO_METADATA,
    Appended,
    Batch,
    Condition,
    Metadata,
    NewEvent,
    Position,
    Query,
    Write,
    new_id,
)
from headwater.store.deciding import against_conflicts
from headwater.store.port import EventStore
from headwater.store.snapshots import SnapshotStore

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


class Executor:
    """Executes the commands of an application on a store. Any number of tasks may call it at once."""

    def __init__(self, app: App, store: EventStore, clock: Clock, kept: SnapshotStore | None = None) -> None:
        self._store = store
        self._clock = clock
        self._events: EventCatalog = app.events
        self._commands: CommandCatalog = app.commands
        self._decider_of = app.decider_of
        self._folding = Folding(app, store)
        self.snapshots = Snapshotter(app.deciders, self._folding, kept)
        anything = frozenset(app.events.types.values())
        self._allowed = {each.name: anything if each.query else frozenset(each.events) for each in app.deciders}

    async def execute(self, command: object, *, id: str = "", metadata: Metadata = NO_METADATA) -> Executed:
        """Decide on a command and record the events, durably, exactly once for each `id`.

        Without an `id` every call counts. With one, a second call changes nothing and returns the first result; a
        decision without events, and a refusal, leave no trace and are decided anew. The events' correlation id is
        that of `metadata`, by default the command's id; their causation id is the command's id.
        Raises Rejected, UnknownType, BadInput; IdReused if the id came with another command; Conflict after
        10 attempts that others beat; SubjectForgotten if an event would hold personal data of one; StoreError.
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
            by_query = partial(self._by_query, deciding, decider.query(command))
            return await against_conflicts(partial(awaiting_keys, by_query))
        return await awaiting_keys(partial(self._by_stream, deciding))

    async def _by_stream(self, this: Deciding) -> Executed:
        start = await self.snapshots.start(this.decider, this.stream)
        events: tuple[Any, ...] = ()
        found: Found | None = None

        def decision(batches: Iterable[Batch]) -> Sequence[NewEvent]:
            nonlocal events, found
            began = self._clock.monotonic()
            loaded = self._folding.fold(this.decider, start.take(), batches)
            found = Found(this.decider, this.stream, start.version, loaded, self._clock.monotonic() - began)
            self.snapshots.check(found)
            events = tuple(this.decider.decide(this.command, loaded.state))
            return self._encode(this, events)

        try:
            done = await self._store.decide(
                this.stream, decision, after=start.version, id=this.id, fingerprint=this.fingerprint
            )
        except Rejected:  # said, as all else, once what it was decided on is recorded for good
            self.snapshots.offer(found)
            raise
        self.snapshots.offer(found, done.versions[0])
        return await self._executed(this, done, events)

    async def _by_query(self, this: Deciding, query: Query) -> Executed:
        if this.id and (first := await self._store.find_append(this.id, this.fingerprint)):
            return await self._executed(this, first, ())
        asked = self._folding.narrowed(this.decider, query)
        loaded = await self._folding.gather(this.decider, asked)
        events = tuple(this.decider.decide(this.command, loaded.state))
        if not events:
            return Executed(this.id, this.stream, 0, loaded.position)
        done = await self._store.append(
            Write(this.stream, self._encode(this, events)), condition=Condition(asked, loaded.position),
            id=this.id, fingerprint=this.fingerprint,
        )  # fmt: skip
        return await self._executed(this, done, events)

    async def _executed(self, this: Deciding, done: Appended, events: tuple[Any, ...]) -> Executed:
        if done.repeated:  # the first result again, from the store
            count = done.last - done.first + 1
            found = (await self._store.read(after=done.first - 1, limit=count)).events
            mine = (each for each in found if each.stream == this.stream and each.position <= done.last)
            events = tuple(event for envelope in mine for event in self._events.decode(envelope))
        id = this.metadata.causation_id if events else this.id
        return Executed(id, this.stream, done.versions[0], done.last, events, done.repeated)

    async def load(self, decider: Decider[Any, S, Any], stream: str, *, upto: int | None = None) -> Loaded[S]:
        """The state of one stream, folded from all its events, or from those up to a version."""
        start = await self.snapshots.start(decider, stream, upto)
        return await self._folding.follow(decider, stream, start.take(), upto)

    def _encode(self, this: Deciding, events: Sequence[Any]) -> list[NewEvent]:
        self._check_declared(this.decider, events)
        encode, tags = self._events.encode, this.decider.tags or _no_tags
        try:
            return [encode(event, tags=tags(event), metadata=this.metadata) for event in events]
        except KeysNeeded:
            self._events.check_subjects(events)  # raises it for all of them
            raise

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

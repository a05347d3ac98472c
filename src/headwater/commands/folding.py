"""From the events of a stream to a decider's state."""

from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import Any, Generic, TypeVar

import msgspec

from headwater.codec import BatchDecoder
from headwater.errors import BadInput
from headwater.fold import App, Decider
from headwater.keys.fetching import with_keys
from headwater.messages import Batch, Envelope, Position, Query, QueryItem
from headwater.store.port import LOAD_LIMIT, EventStore

S = TypeVar("S")


class Loaded(msgspec.Struct, Generic[S], frozen=True, gc=False):
    """A state and what it was folded from: the stream's `version`, and the `position` up to which was read."""

    state: S
    version: int
    position: Position


class Start(Generic[S]):
    """Where folding begins: before the first event, or at a snapshot."""

    def __init__(self, make: Callable[[], S], version: int = 0, position: Position = 0, made: Iterable[S] = ()) -> None:
        self.version = version
        self._make = make
        self._position = position
        self._made = list(made)

    def take(self) -> Loaded[S]:
        """The state to begin with: each time one that nobody else has."""
        state = self._made.pop() if self._made else self._make()
        return Loaded(state, self.version, self._position)


class Folding:
    """Folds what is in a store for the deciders of an application."""

    def __init__(self, app: App, store: EventStore) -> None:
        self._store = store
        self._decoders: dict[str, BatchDecoder[Any]] = {
            each.name: BatchDecoder(app.events, classes=frozenset(each.events)) for each in app.deciders
        }
        self._sources = app.events.chains.sources
        self._handled = {each.name: app.events.sources(each.events) for each in app.deciders}

    def fold(self, decider: Decider[Any, S, Any], loaded: Loaded[S], batches: Iterable[Batch]) -> Loaded[S]:
        """The state after what follows in the stream."""
        state, version, position = loaded.state, loaded.version, loaded.position
        decode, evolve = self._decoders[decider.name].decode, decider.evolve
        for batch in batches:
            state = reduce(evolve, decode(batch), state)
            version, position = batch.version, batch.position or position
        return Loaded(state, version, position)

    async def follow(
        self, decider: Decider[Any, S, Any], stream: str, loaded: Loaded[S], upto: int | None = None
    ) -> Loaded[S]:
        """The state after all that follows in a stream, or up to a version of it."""
        while upto is None or loaded.version < upto:
            limit = LOAD_LIMIT if upto is None else min(upto - loaded.version, LOAD_LIMIT)
            batch = await self._store.load(stream, after=loaded.version, limit=limit)
            loaded = await with_keys(partial(self.fold, decider, loaded, (batch,)))
            if batch.count < limit:
                break
        return loaded

    async def event(self, stream: str, version: int) -> Envelope | None:
        """The event of that version in a stream."""
        found = await self._store.read_stream(stream, after=version - 1, limit=1)
        return found[0] if found else None

    def narrowed(self, decider: Decider[Any, Any, Any], asked: Query) -> Query:
        """The decider's query, for no other types than its evolve handles. Raises BadInput."""
        if not all(item.types or item.tags for item in asked.items) or not asked.items:
            raise BadInput(f"decider {decider.name!r}: a query without types and tags would fold every event there is")
        handled = self._handled[decider.name]
        return Query(
            tuple(QueryItem(self._sources(item.types) if item.types else handled, item.tags) for item in asked.items)
        )

    async def gather(self, decider: Decider[Any, S, Any], asked: Query) -> Loaded[S]:
        """The state folded from all events that match a query; of no stream, so at no version."""
        loaded: Loaded[S] = Start(decider.initial).take()
        while True:
            batch = await self._store.scan(asked, after=loaded.position, limit=LOAD_LIMIT)
            if batch.position == loaded.position:
                return loaded
            loaded = await with_keys(partial(self.fold, decider, loaded, (batch,)))

"""What was: a decider's state, or a view's row, folded from the events up to a position or a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from headwater.clock import to_micros
from headwater.codec import BatchDecoder
from headwater.commands.executor import Executor
from headwater.errors import BadInput, UnknownType
from headwater.fold import App, Decider, View
from headwater.keys.fetching import with_keys
from headwater.messages import Envelope, Position, query
from headwater.store.port import EventStore
from headwater.views.projector import KeyedProjector

S = TypeVar("S")

At = Position | datetime | None
"""A position, a time with its zone, or now. What is to come is now."""

BATCH = 1_000
MAX_GAP = 100_000


class History:
    """Answers from an application's events.

    A time stands for the last position that was recorded by then. Times are taken to grow as positions do; where a
    clock was set back, it is one of the places where those by then end and later ones begin.
    """

    def __init__(self, app: App, store: EventStore, executor: Executor) -> None:
        self._app = app
        self._store = store
        self._executor = executor

    async def state(self, decider: Decider[Any, S, Any], stream: str, at: At) -> S:
        """A decider's state of a stream; before its first event, the initial one.

        Raises UnknownType for a decider that the application does not have, BadInput for a stream that is not there or
        is another's, for a decider with a query, and for a time without a zone; as folding does, UnknownType and
        MalformedData.
        """
        if decider.name not in (known := tuple(each.name for each in self._app.deciders)):
            raise UnknownType("decider", decider.name, known)
        if decider.query:
            raise BadInput(f"decider {decider.name!r} folds what a query finds, of many streams; no stream has a state")
        if not stream.startswith(f"{decider.name}-"):
            raise BadInput(f"stream {stream!r} is not of decider {decider.name!r}: those are {decider.name}-…")
        if not await self._store.read_stream(stream, limit=1):
            raise BadInput(f"there is no stream {stream!r}")
        upto = None if at is None else await self._version(stream, await self._position(at))
        return (await self._executor.load(decider, stream, upto=upto)).state

    async def row(self, view: View[S, Any], key: str, at: At) -> S | None:
        """The row of a key, folded from all of the view's events up to then; None where there is none.

        Raises UnknownType for a view that the application does not have; BadInput for a time without a zone; as
        folding does, UnknownType and MalformedData.
        """
        known = tuple(each.name for each in self._app.views if isinstance(each, View))
        if view.name not in known:
            raise UnknownType("keyed view", view.name, known)
        projector = KeyedProjector(view, self._app.events.sources)
        row: S | None = None
        async with aclosing(self._events(projector, await self._position(at))) as batches:
            async for events in batches:
                for of, happened in projector.keyed(events):
                    if of == key:
                        row = view.evolve(view.initial(key) if row is None else row, happened)
        return row

    async def _events(self, projector: KeyedProjector, upto: Position) -> AsyncGenerator[list[Any], None]:
        """The projector's events up to a position, in batches."""
        asked, position = query(*projector.types), 0
        decoder: BatchDecoder[Any] = BatchDecoder(self._app.events, keep_unknown=True)
        while position < upto:
            batch = await self._store.scan(asked, after=position, limit=BATCH)
            if batch.position > upto:  # it does not tell which of its events come after
                page = await self._store.read(asked, after=position, limit=BATCH)
                fitting = sum(event.position <= upto for event in page.events)
                if not fitting:
                    return
                batch = await self._store.scan(asked, after=position, limit=fitting)
            if batch.position <= position:
                return
            position = batch.position
            yield await with_keys(partial(decoder.decode, batch))
            await asyncio.sleep(0)

    async def _position(self, at: At) -> Position:
        """Up to where everything had been recorded."""
        if at is None:
            return await self._store.head()
        if isinstance(at, datetime):
            if at.tzinfo is None:
                raise BadInput(f"time {at.isoformat()} has no time zone")
            return await self._recorded_by(to_micros(at))
        return at

    async def _recorded_by(self, time: int) -> Position:
        low, high = 0, await self._store.head()
        while low < high:
            middle = (low + high) // 2
            event = await self._first(middle, high)
            if event and event.time <= time:
                low = event.position
            else:
                high = middle
        return low

    async def _first(self, after: Position, upto: Position) -> Envelope | None:
        """The first event between two positions."""
        limit = 1
        while after < upto:
            page = await self._store.read(after=after, limit=limit)
            if page.events:
                return page.events[0] if page.events[0].position <= upto else None
            after, limit = page.position, min(limit * 10, MAX_GAP)  # a store may look no further than so many positions
        return None

    async def _version(self, stream: str, position: Position) -> int:
        """How many events of a stream there were at a position: by ever longer steps, then shorter ones."""
        version, step = 0, 1
        while await self._reached(stream, version + step, position):
            version, step = version + step, step * 2
        while step > 1:
            step //= 2
            if await self._reached(stream, version + step, position):
                version += step
        return version

    async def _reached(self, stream: str, version: int, position: Position) -> bool:
        found = await self._store.read_stream(stream, after=version - 1, limit=1)
        return bool(found) and found[0].position <= position

"""Keeping views up to date: read a batch once, fold it for every view that stands there, write all at once."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from headwater.codec import BatchDecoder, EventCatalog
from headwater.errors import DeclarationError, Fenced, Overloaded, StoreClosed, StoreError, ViewStopped
from headwater.fold import AnyView
from headwater.keys.fetching import with_keys
from headwater.messages import Batch, Position, Query, query
from headwater.store.outage import PASSING, Outage
from headwater.store.port import EventStore
from headwater.views.port import Advance, Build, ViewStore
from headwater.views.projector import Projector, definition, projector

log = logging.getLogger(__name__)

BATCH = 1_000
LOOK_AGAIN = 5.0  # seconds without an event after which a runner looks whether the builds stand where it left them
PATIENCE = 0.25  # seconds, up to twice that, in which another runner shows that it is at work, or is taken for dead
LONGEST_PATIENCE = 8.0  # the same, where builds were taken from one another and nothing came of it: all are slow


@dataclass
class Projection:
    """A view, its fold and the build that it writes."""

    view: AnyView
    projector: Projector
    build: Build
    claimed: bool = False

    @property
    def position(self) -> Position:
        return self.build.position


@dataclass(frozen=True)
class Progress:
    """How far a build has come. `rate` is events per second, `eta` seconds to go."""

    view: str
    position: Position
    head: Position
    rate: float

    @property
    def eta(self) -> float:
        return (self.head - self.position) / self.rate if self.rate else float("inf")


class Projecting:
    """The machine that moves projections along; `events` is the application's catalog."""

    def __init__(self, store: EventStore, views: ViewStore, events: EventCatalog) -> None:
        self._store = store
        self._views = views
        self._events = events
        self._decoder: BatchDecoder[Any] = BatchDecoder(events, keep_unknown=True)
        self._ahead: dict[tuple[Query, Position, int], Batch] = {}

    async def open(self, view: AnyView) -> Projection:
        """The projection of a view on the newest build of its version, on a new one if there is none."""
        made = projector(view, self._events.sources)
        builds = [build for build in await self._views.builds() if build.name == view.name]
        if superseded := [build for build in builds if build.live and build.version > view.version]:
            raise DeclarationError(
                f"view {view.name!r}: the store has version {superseded[0].version}, this application declares "
                f"{view.version}; run the newer application, or go on with version={superseded[0].version + 1}"
            )
        # The live one first: one beside it is somebody's rebuild under way, or what is left of one.
        matching = sorted((build for build in builds if build.version == view.version), key=lambda each: each.live)
        if not matching:
            return await self.begin(view)
        if matching[-1].definition != definition(made):
            raise DeclarationError(
                f"view {view.name!r}: its columns or tables differ from version {view.version} in the store; "
                f"raise it to version={view.version + 1}, and it is built anew"
            )
        return Projection(view, made, matching[-1])

    async def begin(self, view: AnyView) -> Projection:
        """A projection on a new, empty build."""
        made = projector(view, self._events.sources)
        build = await self._views.create(view.name, view.version, definition(made), made.tables)
        made.forget(empty=True)
        return Projection(view, made, build, claimed=True)

    async def claim(self, projection: Projection) -> None:
        """Take the projection's build over from whoever has it."""
        projection.build = await self._views.claim(projection.build)
        projection.projector.forget(empty=projection.build.position == 0)
        projection.claimed = True

    async def advance(self, projections: Sequence[Projection], limit: int = BATCH) -> bool:
        """Move projections that stand at one position on by a batch; False if there was nothing. Raises Fenced."""
        start = projections[0].position
        asked = query(*dict.fromkeys(type for each in projections for type in each.projector.types))
        batch = self._ahead.pop((asked, start, limit), None) or await self._store.scan(asked, after=start, limit=limit)
        if batch.position <= start:
            return False
        events = await with_keys(partial(self._decoder.decode, batch))
        try:
            advances = [await self._fold(each, events, batch.position) for each in projections]
            async with self._reading_on(asked, batch, limit):
                builds = await self._views.write(advances)
        except BaseException:
            for each in projections:
                each.projector.forget()
            raise
        for each, build in zip(projections, builds, strict=True):
            each.build = build
        return True

    @asynccontextmanager
    async def _reading_on(self, asked: Query, batch: Batch, limit: int) -> AsyncIterator[None]:
        """Read the next batch meanwhile, where there is more and the store can do both. One is held at most."""
        self._ahead.clear()
        if batch.count < limit or not self._store.capabilities.parallel:
            yield
            return
        reading = asyncio.create_task(self._store.scan(asked, after=batch.position, limit=limit), name="views read on")
        try:
            yield
            with suppress(StoreError):  # whoever wants it will ask again
                ahead = await reading
                if ahead.count == limit:  # else more may have come since
                    self._ahead[asked, batch.position, limit] = ahead
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _fold(self, projection: Projection, events: Sequence[Any], position: Position) -> Advance:
        made = projection.projector
        keys = made.take(events)
        rows = await self._views.rows(projection.build, made.tables[0], keys) if keys else ()
        return Advance(projection.build, made.tables, made.fold(rows), position)

    async def catch_up(self, projection: Projection, lag: int = 0) -> AsyncIterator[Progress]:
        """Move one projection to the head of now, and to within `lag` events of the head by then, telling the progress
        after every batch."""
        start, began, goal = projection.position, time.perf_counter(), await self._store.head()
        while True:
            moved = await self.advance([projection])
            head = await self._store.head()
            rate = (projection.position - start) / max(time.perf_counter() - began, 1e-9)
            yield Progress(projection.view.name, projection.position, head, rate)
            if not moved or projection.position >= max(goal, head - lag):
                return
            await asyncio.sleep(0)

    async def rebuild(self, view: AnyView) -> AsyncGenerator[Progress, None]:
        """Build a view anew beside the live build, then switch over in one transaction."""
        fresh = await self.begin(view)
        try:
            async for progress in self.catch_up(fresh, lag=BATCH):  # where events keep coming, 0 is never reached
                yield progress
            await self._views.promote(fresh.build, fresh.projector.tables)
        except BaseException:
            await asyncio.shield(self._views.drop(fresh.build))
            raise


class ViewRunner:
    """Keeps all views of an application up to date until it is cancelled. One task.

    A view whose fold fails on an event stops before that event, and stands in `stopped`; the others go on.
    """

    def __init__(self, machine: Projecting, store: EventStore, views: ViewStore, declared: Sequence[AnyView]) -> None:
        self._machine = machine
        self._store = store
        self._views = views
        self._declared = declared
        self._outage = Outage("views")
        self._unsure = False  # whether the builds still stand where this runner left them
        self._patience = PATIENCE
        self.projections: list[Projection] = []
        self.stopped: dict[str, ViewStopped] = {}

    async def prepare(self) -> None:
        """Find or make every view's build."""
        self.projections = [await self._machine.open(view) for view in self._declared]

    async def run(self) -> None:
        """Work until cancelled. While the store cannot, wait; then go on from where the builds stand."""
        attempt = 0
        while self.projections:
            try:
                await self._turn()
                attempt = 0
            except Fenced:
                self._unsure = True
            except StoreClosed:
                return
            except PASSING as error:  # what was under way may have been done, or not
                self._unsure, attempt = True, attempt + 1
                await self._outage.wait(error, attempt)

    async def _turn(self) -> None:
        """A step, or the wait for what is to come."""
        if self._unsure:
            await self._prepare_again()
            self._unsure = False
        moved = await self._step()
        self._outage.over()
        if moved:
            await asyncio.sleep(0)
        elif self.projections and await self._store.wait(lowest := self._lowest(), timeout=LOOK_AGAIN) <= lowest:
            self._unsure = await self._displaced()

    async def _displaced(self) -> bool:
        """Whether builds stand elsewhere: a server that crashes may forget the last steps, which are not synced."""
        stored = await self._views.builds()
        return any(each.build not in stored for each in self.projections)

    def _lowest(self) -> Position:
        return min(each.position for each in self.projections)

    async def _step(self) -> bool:
        """One batch for every view; those that stand at one position move together. False if there was nothing."""
        moved = False
        for position in sorted({each.position for each in self.projections}):
            group = [each for each in self.projections if each.position == position]
            if not group:  # `prepare` has moved them
                continue
            if all(each.claimed for each in group):
                moved |= await self._advance(group)
                await self._switch(group)
            elif position < await self._store.head():
                moved = True
                await self._take_over(group)
        return moved

    async def _advance(self, group: Sequence[Projection]) -> bool:
        try:
            moved = await self._machine.advance(group)
        except (Fenced, StoreError, Overloaded):
            raise
        except Exception as error:
            if len(group) == 1:
                await self._stop(group[0], error)
                return False
            return any([await self._advance([each]) for each in group])
        if moved:
            self._patience = PATIENCE
        return moved

    async def _stop(self, projection: Projection, error: Exception) -> None:
        """Go on to the event that fails, one at a time, and leave the view there."""
        try:
            while await self._machine.advance([projection], limit=1):
                pass
        except (Fenced, StoreError, Overloaded):
            raise
        except Exception as precise:
            error = precise
        stopped = ViewStopped(projection.view.name, projection.position, f"{type(error).__name__}: {error}")
        stopped.__cause__ = error
        log.error("%s", stopped, exc_info=error)
        self.stopped[projection.view.name] = stopped
        self._declared = [view for view in self._declared if view is not projection.view]
        self.projections = [each for each in self.projections if each is not projection]
        await self._views.write(())  # wakes those who wait for it

    async def _take_over(self, group: list[Projection]) -> None:
        """Claim builds that lag and that nobody else moves on."""
        if self._store.capabilities.shared and await self._moved_by_others(group):
            return
        for each in group:
            if not each.claimed:
                await self._machine.claim(each)
        self._patience = min(self._patience * 2, LONGEST_PATIENCE)

    async def _moved_by_others(self, group: list[Projection]) -> bool:
        """True at the first sign of another runner: builds that moved, or that it has claimed to move them."""
        now = asyncio.get_running_loop().time
        give_up = now() + self._patience * random.uniform(1, 2)  # two that have some builds each would go on claiming
        mine = {each.build.id: each.build for each in group}
        while (left := give_up - now()) > 0:
            await self._views.changed(left)
            builds = {build.id: build for build in await self._views.builds()}
            if any(id not in builds or builds[id].position > each.position for id, each in mine.items()):
                self._patience = PATIENCE
                await self._prepare_again()
                return True
            if any(builds[id].epoch > each.epoch for id, each in mine.items()):
                await self._prepare_again()
                return True
        return False

    async def _prepare_again(self) -> None:
        """Find the builds after others have changed them; leave alone views of which a newer version took over."""
        found = []
        for view in self._declared:
            try:
                found.append(await self._machine.open(view))
            except DeclarationError as error:
                log.warning("no longer followed here: %s", error)
        mine = {(each.build.id, each.build.epoch) for each in self.projections if each.claimed}
        for each in found:  # an epoch that has not risen: nobody else has claimed it
            each.claimed |= (each.build.id, each.build.epoch) in mine
        self._declared = [each.view for each in found]
        self.projections = found

    async def _switch(self, group: list[Projection]) -> None:
        """Let builds that have caught up take over from the live ones."""
        for each in group:
            if not each.build.live and each.position >= await self._store.head() - BATCH:
                await self._views.promote(each.build, each.projector.tables)
                each.build = msgspec.structs.replace(each.build, live=True)

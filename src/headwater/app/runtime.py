"""A running application: what it declares, at work on a store and a broker."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from headwater.app.forgetting import Forgetting, Forgot
from headwater.app.history import At, History
from headwater.app.opening import Stores, open_broker, open_keys, open_stores, ring_of
from headwater.app.subjects import HeldEvent, HeldRow, SubjectReport
from headwater.app.workers import VIEWS, Workers
from headwater.clock import Clock, SystemClock, to_micros
from headwater.commands.executor import Executed, Executor
from headwater.delivery.mapping import event_record
from headwater.delivery.operations import DeadLetters
from headwater.errors import BadInput, DeclarationError, Fenced, HistoryIncomplete, NotYetVisible, UnknownType
from headwater.fold import AnyView, App, Decider, View
from headwater.keys.fetching import with_keys
from headwater.keys.port import KeyStore
from headwater.messages import ALL, NO_METADATA, Metadata, Page, Position, Query
from headwater.store.marks import truncated
from headwater.store.subscription import subscribe
from headwater.streaming.port import SESSION, Broker
from headwater.streaming.producer import Producer
from headwater.streaming.records import Confirmed
from headwater.views.port import Build
from headwater.views.queries import Queries
from headwater.views.runner import Progress, Projecting, Projection, ViewRunner

S = TypeVar("S")
T = TypeVar("T")

LOOK_EVERY = 0.2  # seconds: topics tell nothing of consumers elsewhere


class Runtime:
    """A running application: executes commands, answers queries, keeps views and reactions going.

    Made by `Runtime.open`. Safe for any number of tasks of one event loop.
    """

    def __init__(
        self, app: App, stores: Stores, broker: Broker | None, clock: Clock, keys: KeyStore | None = None,
        session: float = SESSION,
    ) -> None:  # fmt: skip
        ring = None if keys is None else ring_of(keys)
        self.app = app = app if ring is None else app.with_sealer(ring)
        self.store = store = stores.events
        self.broker = broker
        self.delivery = stores.delivery
        self.snapshots = stores.snapshots
        self.clock = clock
        self._views = stores.views
        self.executor = Executor(app, store, clock, stores.snapshots)
        self._machine = Projecting(store, self._views, app.events)
        self._followers = ViewRunner(self._machine, store, self._views, [v for v in app.views if not v.inline])
        self.queries = Queries(self._views, app.views, self._followers.stopped)
        self._history = History(app, store, self.executor)
        self._inline = stores.inline(app.events)
        self._workers = Workers(
            app, store, stores.reactions, stores.delivery, broker, self.executor.execute, clock, session
        )
        self.keys = keys
        self._forgetting: Forgetting | None = None
        self._report: SubjectReport | None = None
        if keys is not None and ring is not None:
            self._forgetting = Forgetting(app, stores, self._machine, keys, ring)
            self._report = SubjectReport(app, store, self._views, self.queries, keys, ring)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, app: App, store: str = "memory:", *, broker: str = "", keys: str = "", clock: Clock | None = None,
        durable: bool = True, create: bool = True, workers: bool | Collection[str] = True, session: float = SESSION,
    ) -> AsyncIterator[Self]:  # fmt: skip
        """Run `app` on the store and the broker at those addresses until the block ends; then finish what was accepted,
        and stop.

        Without `workers` neither views nor reactions nor consumers move: to look, and to disturb no other process.
        Some of them only, by name (`views`, `timers`, a reaction, a consumer, a topic for its relay), are at work where
        several processes share an application. Without `create` the store must be there. Personal fields of events are
        encrypted with the keys at `keys`, another address than the store's. A consumer that gives no sign of life for
        `session` seconds is taken for dead, and others get its share.

        Raises DeclarationError (a view's shape changed without a new version, topics without a broker, personal fields
        without keys), UnknownType, StoreError. A view whose fold fails on an event stops there, alone (ViewStopped).
        While the store, the broker or the keys cannot do their work (a server is gone, a disk full), commands and
        queries raise that, and the workers wait, however long. If a worker fails for another cause, the block is
        cancelled and that error raised.
        """
        time = clock or SystemClock()
        _check_keys(app, keys)
        async with AsyncExitStack() as stack:
            opened = await open_stores(store, create=create, durable=durable, clock=time)
            await stack.enter_async_context(opened.events)
            stack.push_async_callback(opened.views.close)
            streaming = await stack.enter_async_context(await open_broker(broker, clock=time)) if broker else None
            kept = await stack.enter_async_context(await open_keys(keys, create=create, clock=time)) if keys else None
            runtime = cls(app, opened, streaming, time, kept, session)
            if create:
                await runtime._workers.prepare()
            if workers:
                await runtime._prepare(workers)
            stack.push_async_callback(runtime.executor.snapshots.drain)
            async with runtime._working(workers):
                yield runtime

    async def _prepare(self, workers: bool | Collection[str]) -> None:
        if not isinstance(workers, bool):
            self._workers.check(workers)
        await self._followers.prepare()
        await self._inline.attach([await self._ready(view) for view in self.app.views if view.inline])

    async def _ready(self, view: AnyView) -> Projection:
        """An inline view on its live build, or on a new one that has caught up and taken over."""
        while True:
            projection = await self._machine.open(view)
            if projection.build.live:
                return projection
            try:
                async for _ in self._machine.catch_up(projection):
                    pass
                await self._views.promote(projection.build, projection.projector.tables)
            except Fenced:
                continue  # another process does the same

    @asynccontextmanager
    async def _working(self, wanted: bool | Collection[str]) -> AsyncIterator[None]:
        """Run the workers beside the block. An error of either ends both and is raised as itself, not in a group."""
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = self._start(group, wanted)
                try:
                    yield
                except Exception as error:
                    failure = error
                finally:
                    for task in tasks:
                        task.cancel()
        except BaseExceptionGroup as broken:
            raise failure or _first(broken) from broken
        if failure:
            raise failure

    def _start(self, group: asyncio.TaskGroup, wanted: bool | Collection[str]) -> list[asyncio.Task[None]]:
        names = (None if wanted else ()) if isinstance(wanted, bool) else wanted
        tasks = self._workers.start(group, names)
        tasks.append(group.create_task(self.executor.snapshots.run(), name="snapshots"))
        if wanted:
            tasks.append(group.create_task(self._inline.run(), name="inline views"))
        if names is None or VIEWS in names:
            tasks.append(group.create_task(self._followers.run(), name=VIEWS))
        return tasks

    # -- commands

    async def execute(self, command: object, *, id: str = "", metadata: Metadata = NO_METADATA) -> Executed:
        """Decide on a command and record its events durably; see Executor.execute."""
        return await self.executor.execute(command, id=id, metadata=metadata)

    # -- topics

    async def publish(
        self, topic: str, *events: object, key: str | None = None, id: str = "", time: datetime | None = None,
        metadata: Metadata = NO_METADATA,
    ) -> list[Confirmed]:  # fmt: skip
        """Publish events to a topic of the app without recording them in the store; return where they lie, durably.

        Those of one `key` keep their order. With an `id` (of one event) consumers count it once, however often it is
        published. `time` is when they happened. Raises UnknownType for another topic, BadInput, Overloaded when the
        topic's backlog is full, StoreUnavailable.
        """
        if id and len(events) > 1:
            raise BadInput(f"one id was given for {len(events)} events; publish each with an id of its own")
        producer, now = self.producer(topic), self.clock.now()
        source, happened = f"urn:headwater:app:{self.app.name}", to_micros(time) if time else now
        encode = self.app.events.encode
        encoded = [await with_keys(partial(encode, event, metadata=metadata)) for event in events]
        records = [event_record(each, key, source, now, id=id, time=happened) for each in encoded]
        return await producer.publish(*records)

    def producer(self, topic: str) -> Producer:
        """Who publishes to a topic of the app. Raises UnknownType for another one."""
        found = self._workers.producers.get(topic)
        if found is None:
            raise UnknownType("topic", topic, tuple(self._workers.producers))
        return found

    @property
    def dead_letters(self) -> DeadLetters:
        """What rests, for operators."""
        return DeadLetters(self.store, self.delivery, self.clock)

    # -- queries

    async def get(self, view: View[S, Any], key: str, *, after: Position = 0, timeout: float = 5.0) -> S | None:
        """The row of a key in a view; see Queries."""
        return await self.queries.get(view, key, after=after, timeout=timeout)

    async def find(
        self, view: View[S, Any], *, where: Mapping[str, Any] | None = None, order_by: Sequence[str] = (),
        limit: int = 100, offset: int = 0, after: Position = 0, timeout: float = 5.0,
    ) -> list[S]:  # fmt: skip
        """Rows of a view by the values of their fields; see Queries."""
        return await self.queries.find(
            view, where=where, order_by=order_by, limit=limit, offset=offset, after=after, timeout=timeout
        )

    async def count(
        self, view: View[Any, Any], *, where: Mapping[str, Any] | None = None, after: Position = 0, timeout: float = 5.0
    ) -> int:
        """How many rows of a view match; see Queries."""
        return await self.queries.count(view, where=where, after=after, timeout=timeout)

    async def sql(
        self, sql: str, parameters: Sequence[Any] = (), *, after: Position = 0, timeout: float = 5.0
    ) -> list[dict[str, Any]]:
        """Rows of a query in SQL over all views; see Queries."""
        return await self.queries.sql(sql, parameters, after=after, timeout=timeout)

    def subscribe(self, query: Query = ALL, *, after: Position = 0) -> AsyncIterator[Page]:
        """Events as they are recorded: catch-up, then live; see headwater.store.subscription."""
        return subscribe(self.store, query, after=after)

    # -- personal data

    async def forget(self, subject: str, *, by: str = "") -> Forgot:
        """Destroy the key of a subject, so that its personal data cannot be read any more, and rebuild every view of
        events with personal fields; see Forgetting. `by` is who asked for it, for the record.

        Raises DeclarationError without keys, UnknownType for a subject that has none, ViewStopped, StoreError.
        """
        return await _given(self._forgetting).forget(subject, by)

    def kept_of(self, subject: str) -> AsyncGenerator[HeldEvent | HeldRow, None]:
        """The events that hold personal data of a subject, decrypted, and the rows of views in which it stands; see
        SubjectReport."""
        return _given(self._report).of(subject)

    # -- operating

    async def views(self) -> list[str]:
        """The names under which `sql` sees the tables of views."""
        return await self._views.names()

    # -- as it was

    async def state(self, decider: Decider[Any, S, Any], stream: str, *, at: At = None) -> S:
        """A decider's state of one of its streams, now or as of a position or a time; see History."""
        return await self._history.state(decider, stream, at)

    async def view_at(self, view: View[S, Any], key: str, *, at: At = None) -> S | None:
        """The row of a key in a view, now or as of a position or a time, whatever its builds hold; see History."""
        return await self._history.row(view, key, at)

    # -- builds

    async def builds(self) -> list[Build]:
        """All builds of views in the store, the live ones and those under way."""
        return await self._views.builds()

    async def rebuild(self, view: str, *, without_removed: bool = False) -> AsyncGenerator[Progress, None]:
        """Build a view anew beside the live build and switch over; tells the progress after every batch.

        Where events were removed from the store the new build would lack them: raises HistoryIncomplete, unless it is
        to be `without_removed` events.
        """
        if not without_removed and (lost := await truncated(self.store)):
            raise HistoryIncomplete(f"view {view!r}", lost, "give --without-archived (without_removed)")
        async with aclosing(self._machine.rebuild(self._declared(view))) as steps:  # one that is left is cleaned up
            async for progress in steps:
                yield progress

    def _declared(self, name: str) -> AnyView:
        for view in self.app.views:
            if view.name == name:
                return view
        raise UnknownType("view", name, tuple(view.name for view in self.app.views))

    async def idle(self, timeout: float = 30.0) -> Position:
        """Wait until views, reactions, relays, consumers and due timers have worked off everything recorded and
        published, and snapshots that are due are taken; the position reached.

        Raises NotYetVisible when `timeout` seconds are not enough, ViewStopped.
        """
        give_up = self.clock.monotonic() + timeout
        while True:
            head = await self.store.head()
            for stopped in self._followers.stopped.values():
                raise stopped
            behind = await self._furthest_behind()
            if behind[1] >= head and await self._workers.caught_up():
                await self.executor.snapshots.written()
                if await self.store.head() == head:  # no timer has fired since, and no consumer done anything
                    return head
            elif self.clock.monotonic() >= give_up:
                raise NotYetVisible(behind[0], head, behind[1])
            else:
                await self._views.changed(min(LOOK_EVERY, give_up - self.clock.monotonic()))

    async def _furthest_behind(self) -> tuple[str, Position]:
        live = {build.name: build.position for build in await self._views.builds() if build.live}
        places = [(view.name, live.get(view.name, 0)) for view in self.app.views]
        if (furthest := await self._workers.furthest_behind()) is not None:
            places.append(furthest)
        return min(places, key=lambda place: place[1], default=("", await self.store.head()))


def _check_keys(app: App, keys: str) -> None:
    if app.events.protection.plans and not keys:
        names = sorted({kind.type for kind in app.events.protection.plans})
        raise DeclarationError(
            f"app {app.name!r} has personal fields ({', '.join(names)}), which are encrypted: give the address of "
            "keys, such as keys='sqlite:///keys.db', apart from the store"
        )


def _given(part: T | None) -> T:
    if part is None:
        raise DeclarationError("this application runs without keys: give their address, keys='sqlite:///keys.db'")
    return part


def _first(error: BaseException) -> BaseException:
    """The first error of a group, however deep."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

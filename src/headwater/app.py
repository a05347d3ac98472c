"""The composition root: opens a store by its address, starts what an application declares, and is the one place that
chooses adapters."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, NamedTuple, Self, TypeVar

from headwater.adapters.sqlite.inline import SqliteInlineViews
from headwater.adapters.sqlite.reactions import SqliteReactions
from headwater.adapters.sqlite.store import SqliteStore
from headwater.adapters.sqlite.views import SqliteViews
from headwater.clock import Clock, SystemClock
from headwater.codec import EventCatalog
from headwater.commands.executor import Executed, Executor
from headwater.errors import BadInput, Fenced, MissingExtra, NotYetVisible, UnknownType
from headwater.fold import AnyView, App, View
from headwater.messages import ALL, NO_METADATA, Metadata, Page, Position, Query
from headwater.reactions.port import ReactionStore
from headwater.reactions.runner import ReactionRunner, TimerRunner
from headwater.store.port import EventStore
from headwater.store.subscription import subscribe
from headwater.views.inline import InlineViews
from headwater.views.port import Build, ViewStore
from headwater.views.queries import Queries
from headwater.views.runner import Progress, Projecting, Projection, ViewRunner

S = TypeVar("S")

SQLITE, POSTGRES = "sqlite:///", ("postgresql://", "postgres://")


class Stores(NamedTuple):
    """One place, as what the parts of an application need of it."""

    events: EventStore
    views: ViewStore
    reactions: ReactionStore
    inline: Callable[[EventCatalog], InlineViews]


async def open_store(url: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None) -> EventStore:
    """Open the event store at `url`: 'sqlite:///shop.db' (relative), 'sqlite:////var/shop.db', 'memory:' or
    'postgresql://user@host/database?schema=shop'.

    `durable=False` acknowledges before the disk has it. Raises BadInput for an address of another form, MissingExtra,
    StoreError.
    """
    return (await open_stores(url, create=create, durable=durable, clock=clock)).events


async def migrate_store(url: str) -> list[str]:
    """Bring the store at `url` up to date, or make it: what was applied, by name. A store in SQLite is made of one
    piece, by opening it. Raises StoreTooNew, StoreError."""
    if url.startswith(POSTGRES):
        with _needs_postgres():
            from headwater.adapters.postgres import store
        return await store.PostgresStore.migrate(url)
    await (await open_store(url)).close()
    return []


@contextmanager
def _needs_postgres() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("psycopg"):
            raise MissingExtra("postgres", "a store on PostgreSQL") from error
        raise


async def open_stores(url: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None) -> Stores:
    """`open_store`, and with it the views and what reactions keep. Closing the events closes all but the views."""
    if url.startswith(POSTGRES):
        return await _open_postgres(url, create=create, durable=durable, clock=clock)
    store = await SqliteStore.open(_path(url), create=create, durable=durable, clock=clock)
    views = SqliteViews(store)
    return Stores(store, views, SqliteReactions(store), partial(SqliteInlineViews, store, views))


async def _open_postgres(url: str, *, create: bool, durable: bool, clock: Clock | None) -> Stores:
    with _needs_postgres():
        from headwater.adapters.postgres import inline, reactions, store, views
    opened = await store.PostgresStore.open(url, create=create, durable=durable, clock=clock)
    kept = views.PostgresViews(opened)
    made = partial(inline.PostgresInlineViews, opened, kept)
    return Stores(opened, kept, reactions.PostgresReactions(opened), made)


def _path(url: str) -> str:
    if url == "memory:":
        return ":memory:"
    if url.startswith(SQLITE) and url != SQLITE:
        return url.removeprefix(SQLITE)
    raise BadInput(
        f"store address {url!r}: give 'sqlite:///file.db', 'sqlite:////absolute/file.db', 'memory:' or "
        "'postgresql://user@host/database'"
    )


class Runtime:
    """A running application: executes commands, answers queries, keeps views and reactions going.

    Made by `Runtime.open`. Safe for any number of tasks of one event loop.
    """

    def __init__(self, app: App, stores: Stores, clock: Clock) -> None:
        self.app = app
        self.store = store = stores.events
        self.clock = clock
        self._views = stores.views
        self._kept = stores.reactions
        self.executor = Executor(app, store, clock)
        self._machine = Projecting(store, self._views, app.events)
        self._followers = ViewRunner(self._machine, store, self._views, [v for v in app.views if not v.inline])
        self.queries = Queries(self._views, app.views, self._followers.stopped)
        self._inline = stores.inline(app.events)
        self._timers = TimerRunner(self._kept, app.commands, self.executor.execute, clock)
        self._reactions = [
            ReactionRunner(
                each, store, self._kept, app.events, app.commands, self.executor.execute, clock, self._timers.wake
            )
            for each in app.reactions
        ]

    @classmethod
    @asynccontextmanager
    async def open(
        cls, app: App, store: str = "memory:", *, clock: Clock | None = None, durable: bool = True, create: bool = True,
        workers: bool = True,
    ) -> AsyncIterator[Self]:  # fmt: skip
        """Run `app` on the store at that address until the block ends; then finish what was accepted, and stop.

        Without `workers` neither views nor reactions move: to look, and to disturb no other process. Without `create`
        the store must be there.

        Raises DeclarationError (a view's shape changed without a new version), StoreError. A view whose fold fails on
        an event stops there, alone (ViewStopped). While the store cannot do its work (a server is gone, a disk full),
        commands and queries raise that, and the workers wait, however long. If a worker fails for another cause, the
        block is cancelled and that error raised.
        """
        time = clock or SystemClock()
        opened = await open_stores(store, create=create, durable=durable, clock=time)
        async with opened.events:
            runtime = cls(app, opened, time)
            try:
                if workers:
                    await runtime._prepare()
                async with runtime._workers(workers):
                    yield runtime
            finally:
                await runtime._views.close()

    async def _prepare(self) -> None:
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
    async def _workers(self, wanted: bool) -> AsyncIterator[None]:
        """Run the workers beside the block. An error of either ends both and is raised as itself, not in a group."""
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = self._start(group) if wanted else []
                try:
                    yield
                except Exception as error:
                    failure = error
                finally:
                    for task in tasks:
                        task.cancel()
        except BaseExceptionGroup as broken:
            raise failure or broken.exceptions[0] from broken
        if failure:
            raise failure

    def _start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        tasks = [group.create_task(self._followers.run(), name="views")]
        tasks.append(group.create_task(self._inline.run(), name="inline views"))
        tasks += [group.create_task(each.run(), name=f"reaction {each.reaction.name}") for each in self._reactions]
        if self._reactions:
            tasks.append(group.create_task(self._timers.run(), name="timers"))
        return tasks

    # -- commands

    async def execute(self, command: object, *, id: str = "", metadata: Metadata = NO_METADATA) -> Executed:
        """Decide on a command and record its events durably; see Executor.execute."""
        return await self.executor.execute(command, id=id, metadata=metadata)

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

    # -- operating

    async def views(self) -> list[str]:
        """The names under which `sql` sees the tables of views."""
        return await self._views.names()

    async def builds(self) -> list[Build]:
        """All builds of views in the store, the live ones and those under way."""
        return await self._views.builds()

    async def rebuild(self, view: str) -> AsyncGenerator[Progress, None]:
        """Build a view anew beside the live build and switch over; tells the progress after every batch."""
        async with aclosing(self._machine.rebuild(self._declared(view))) as steps:  # one that is left is cleaned up
            async for progress in steps:
                yield progress

    def _declared(self, name: str) -> AnyView:
        for view in self.app.views:
            if view.name == name:
                return view
        raise UnknownType("view", name, tuple(view.name for view in self.app.views))

    async def idle(self, timeout: float = 30.0) -> Position:
        """Wait until views, reactions and due timers have worked off everything recorded; the position reached.

        Raises NotYetVisible when `timeout` seconds are not enough, ViewStopped.
        """
        give_up = self.clock.monotonic() + timeout
        while True:
            head = await self.store.head()
            for stopped in self._followers.stopped.values():
                raise stopped
            behind = await self._furthest_behind()
            if behind[1] >= head and not await self._kept.due_timers(self.clock.now(), 1):
                if await self.store.head() == head:  # no timer has fired since
                    return head
            elif not await self._views.changed(give_up - self.clock.monotonic()):
                raise NotYetVisible(behind[0], head, behind[1])

    async def _furthest_behind(self) -> tuple[str, Position]:
        live = {build.name: build.position for build in await self._views.builds() if build.live}
        places = [(view.name, live.get(view.name, 0)) for view in self.app.views]
        places += [(each.name, await self._kept.checkpoint(each.name)) for each in self.app.reactions]
        return min(places, key=lambda place: place[1], default=("", await self.store.head()))

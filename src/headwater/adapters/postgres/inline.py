"""Views that change in the transaction of the append itself.

For them the append lets nobody else append meanwhile: only so is everything before its positions decided, and theirs to
take in. Appends of events that no such view asks for are not held up; those are taken in afterwards.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from headwater.adapters.postgres.faults import translated
from headwater.adapters.postgres.server import Connection
from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.postgres.views import PostgresViews
from headwater.codec import BatchDecoder, EventCatalog
from headwater.errors import Fenced, StoreClosed
from headwater.keys.fetching import with_keys
from headwater.messages import NewEvent, Position, query
from headwater.store.outage import PASSING, Outage
from headwater.views.port import Advance
from headwater.views.runner import BATCH, LOOK_AGAIN, Projection

LAST = "SELECT coalesce(max(position), 0) FROM headwater.event"


class PostgresInlineViews:
    """Moves projections up to the last position inside every transaction that appends what concerns them."""

    def __init__(self, store: PostgresStore, views: PostgresViews, events: EventCatalog) -> None:
        self._store = store
        self._views = views
        self._decoder: BatchDecoder[Any] = BatchDecoder(events, keep_unknown=True)
        self._projections: Sequence[Projection] = ()
        self._types: frozenset[str] = frozenset()
        self._one_at_a_time = asyncio.Lock()

    async def attach(self, projections: Sequence[Projection]) -> None:
        """From now on these move with every append of their events."""
        self._projections = projections
        self._types = frozenset(type for each in projections for type in each.projector.types)
        if projections:
            self._store.writer.inline = self
            await self._take_in()

    async def run(self) -> None:
        """Take in what others append who do not have these views, and what concerns none. Until cancelled; while the
        store cannot, wait."""
        outage, position, attempt = Outage("inline views"), 0, 0
        while self._projections:
            try:
                position = await self._follow(position)
                attempt = 0
                outage.over()
            except StoreClosed:
                return
            except (*PASSING, Fenced) as error:
                position, attempt = 0, attempt + 1
                await outage.wait(error, attempt)

    async def _follow(self, position: Position) -> Position:
        """Take in what there is after this position; how far that was."""
        head = await self._store.wait(position, timeout=LOOK_AGAIN)
        if await self._behind(head, quiet=head <= position):
            await self._take_in()
        return head

    async def _behind(self, head: Position, *, quiet: bool) -> bool:
        """Whether something is to be taken in. Where all is `quiet` what is stored is asked: what is remembered may be
        further on, by a transaction that was lost."""
        if not quiet:
            return any(projection.position < head for projection in self._projections)
        names = {projection.view.name for projection in self._projections}
        return any(build.live and build.name in names and build.position < head for build in await self._views.builds())

    def concerns(self, events: Sequence[NewEvent]) -> bool:
        return not self._types.isdisjoint(event.type for event in events)

    async def advance(self, connection: Connection, last: Position) -> None:
        """See Inline. Raises the driver's errors, by which the writer tells whether to send again."""
        async with self._one_at_a_time:  # a connection that was cut lets the next one in before this process knows
            for projection in self._projections:
                if await self._resume(connection, projection):
                    await self._move(connection, projection, last)

    async def _take_in(self) -> None:
        with translated(self._store.server.address.shown):
            async with self._store.writer.alone() as connection:
                row: Any = await (await connection.execute(self._store.server.sql(LAST))).fetchone()
                await self.advance(connection, row[0])
        self._store.watch.notify()

    async def _move(self, connection: Connection, projection: Projection, last: Position) -> None:
        try:
            while projection.position < last:
                await self._advance(connection, projection, last)
        except BaseException:
            projection.projector.forget()
            raise

    async def _resume(self, connection: Connection, projection: Projection) -> bool:
        """Stand where the build stands: after another process's appends, or after a rollback. False if a newer version
        of the view, in another process, has taken over: its rows are not ours to write."""
        builds = await self._views.builds_on(connection)
        stored = next((build for build in builds if build.live and build.name == projection.view.name), None)
        if stored is None or stored.version != projection.view.version:
            return False
        if stored != projection.build:
            projection.build = stored
            projection.projector.forget()
        return True

    async def _advance(self, connection: Connection, projection: Projection, last: Position) -> None:
        made, build = projection.projector, projection.build
        asked = query(*made.types)
        batch = await self._store.reading.scan_on(connection, asked, build.position, BATCH, last)
        keys = made.take(await with_keys(partial(self._decoder.decode, batch)))
        rows = await self._views.rows_on(connection, build, made.tables[0], keys) if keys else ()
        advance = Advance(build, made.tables, made.fold(rows), batch.position)
        projection.build = (await self._views.write_on(connection, [advance]))[0]

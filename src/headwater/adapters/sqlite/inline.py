"""Views that change in the transaction of the append itself."""

from collections.abc import Sequence
from typing import Any

import apsw

from headwater.adapters.sqlite.reading import HEAD
from headwater.adapters.sqlite.store import SqliteStore
from headwater.adapters.sqlite.views import SqliteViews
from headwater.codec import BatchDecoder, EventCatalog
from headwater.keys.fetching import awaiting_keys
from headwater.messages import Position, query
from headwater.store.outage import Outage
from headwater.views.port import Advance
from headwater.views.runner import BATCH, Projection


class SqliteInlineViews:
    """Moves projections up to the last position inside every transaction that appends.

    They read the events back from the transaction itself, so what another process has appended meanwhile is taken in
    as well. A fold that raises fails the append.
    """

    def __init__(self, store: SqliteStore, views: SqliteViews, events: EventCatalog) -> None:
        self._store = store
        self._views = views
        self._decoder: BatchDecoder[Any] = BatchDecoder(events, keep_unknown=True)
        self._projections: Sequence[Projection] = ()

    async def attach(self, projections: Sequence[Projection]) -> None:
        """From now on these move with every append."""
        self._projections = projections
        if projections:
            self._store.inline(self._advance_all)
            await awaiting_keys(self._take_in)

    async def run(self) -> None:
        """Take in what others append who do not have these views. Until cancelled; while the store cannot, wait."""
        position, outage = 0, Outage("inline views")
        while self._projections:
            position = await self._store.wait(position, timeout=60)
            if any(projection.position < position for projection in self._projections):
                await outage.outlive(lambda: awaiting_keys(self._take_in))

    async def _take_in(self) -> None:
        await self._store.transact(lambda connection: self._advance_all(connection.execute(HEAD).get), durable=False)

    def _advance_all(self, last: Position) -> None:
        connection = self._store.connection
        for projection in self._projections:
            if self._resume(connection, projection):
                self._move(connection, projection, last)

    def _move(self, connection: apsw.Connection, projection: Projection, last: Position) -> None:
        try:
            while projection.position < last:
                self._advance(connection, projection)
        except BaseException:
            projection.projector.forget()
            raise

    def _resume(self, connection: apsw.Connection, projection: Projection) -> bool:
        """Stand where the build stands: after another process's appends, or after a rollback. False if a newer version
        of the view, in another process, has taken over: its rows are not ours to write."""
        stored = next((build for build in self._views.live(connection) if build.name == projection.view.name), None)
        if stored is None or stored.version != projection.view.version:
            return False
        if stored != projection.build:
            projection.build = stored
            projection.projector.forget()
        return True

    def _advance(self, connection: apsw.Connection, projection: Projection) -> None:
        made, build = projection.projector, projection.build
        batch = self._store.scan_uncommitted(query(*made.types), build.position, BATCH)
        keys = made.take(self._decoder.decode(batch))
        rows = self._views.rows_on(connection, build, made.tables[0], keys) if keys else ()
        advance = Advance(build, made.tables, made.fold(rows), batch.position)
        projection.build = self._views.write_on(connection, [advance])[0]

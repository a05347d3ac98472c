"""Views that change in the transaction of the append itself."""

from collections.abc import Sequence
from typing import Any

import apsw

from headwater.adapters.sqlite.store import SqliteStore
from headwater.adapters.sqlite.views import SqliteViews
from headwater.codec import BatchDecoder, EventCatalog
from headwater.messages import Position, query
from headwater.views.port import Advance
from headwater.views.runner import BATCH, Projection


class InlineViews:
    """Moves projections up to the last position inside every transaction that appends.

    They read the events back from the transaction itself, so what another process has appended meanwhile is taken in
    as well. A fold that raises fails the append.
    """

    def __init__(self, store: SqliteStore, views: SqliteViews, events: EventCatalog) -> None:
        self._store = store
        self._views = views
        self._decoder: BatchDecoder[Any] = BatchDecoder(events)
        self._projections: Sequence[Projection] = ()

    def attach(self, projections: Sequence[Projection]) -> None:
        """From now on these move with every append."""
        self._projections = projections
        self._store.inline(self._advance_all)

    def _advance_all(self, last: Position) -> None:
        connection = self._store.connection
        for projection in self._projections:
            self._resume(connection, projection)
            try:
                while projection.position < last:
                    self._advance(connection, projection)
            except BaseException:
                projection.projector.forget()
                raise

    def _resume(self, connection: apsw.Connection, projection: Projection) -> None:
        """Stand where the build stands: after another process's appends, or after a rollback."""
        stored = next((build for build in self._views.live(connection) if build.name == projection.view.name), None)
        if stored is not None and stored != projection.build:
            projection.build = stored
            projection.projector.forget()

    def _advance(self, connection: apsw.Connection, projection: Projection) -> None:
        made, build = projection.projector, projection.build
        batch = self._store.scan_uncommitted(query(*made.types), build.position, BATCH)
        keys = made.take(self._decoder.decode(batch))
        rows = self._views.rows_on(connection, build, made.tables[0], keys) if keys else ()
        advance = Advance(build, made.tables, made.fold(rows), batch.position)
        projection.build = self._views.write_on(connection, [advance])[0]

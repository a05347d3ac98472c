"""Every store of snapshots passes the same suite."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pooler import Pooler

pytest.register_assert_rewrite("headwater.testing.conformance.snapshots")

from headwater.adapters.postgres.snapshots import PostgresSnapshots  # noqa: E402
from headwater.adapters.postgres.store import PostgresStore  # noqa: E402
from headwater.adapters.sqlite.snapshots import SqliteSnapshots  # noqa: E402
from headwater.adapters.sqlite.store import SqliteStore  # noqa: E402
from headwater.store.memory import MemoryStore  # noqa: E402
from headwater.store.memory_snapshots import MemorySnapshots  # noqa: E402
from headwater.store.port import EventStore  # noqa: E402
from headwater.store.snapshots import SnapshotStore  # noqa: E402
from headwater.testing.conformance.snapshots import OpenSnapshots, SnapshotStoreConformance  # noqa: E402
from headwater.testing.postgres import PostgresServer  # noqa: E402

Both = tuple[EventStore, SnapshotStore]


def on_sqlite(path: str) -> OpenSnapshots:
    @asynccontextmanager
    async def open() -> AsyncIterator[Both]:
        async with await SqliteStore.open(path, durable=False) as store:
            yield store, SqliteSnapshots(store)

    return open


def on_postgres(url: str) -> OpenSnapshots:
    @asynccontextmanager
    async def open() -> AsyncIterator[Both]:
        async with await PostgresStore.open(url) as store:
            yield store, PostgresSnapshots(store)

    return open


class TestMemory(SnapshotStoreConformance):
    @pytest.fixture
    def open_snapshots(self) -> OpenSnapshots:
        @asynccontextmanager
        async def open() -> AsyncIterator[Both]:
            async with MemoryStore() as store:
                yield store, MemorySnapshots(store)

        return open


class TestSqliteFile(SnapshotStoreConformance):
    @pytest.fixture
    def open_snapshots(self, tmp_path: Path) -> OpenSnapshots:
        return on_sqlite(str(tmp_path / "store.db"))


class TestSqliteInMemory(SnapshotStoreConformance):
    @pytest.fixture
    def open_snapshots(self) -> OpenSnapshots:
        return on_sqlite(":memory:")


class TestPostgres(SnapshotStoreConformance):
    @pytest.fixture
    def open_snapshots(self, postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> OpenSnapshots:
        return on_postgres(new_schema(postgres))


class TestOldPostgres(SnapshotStoreConformance):
    """Without the law, which is of what all servers share."""

    test_nothing_is_different_with_snapshots = None  # type: ignore[assignment]

    @pytest.fixture
    def open_snapshots(self, old_postgres: PostgresServer, new_schema: Callable[..., str]) -> OpenSnapshots:
        return on_postgres(new_schema(old_postgres))


class TestPooledPostgres(SnapshotStoreConformance):
    """Without the law, which is of what all servers share."""

    test_nothing_is_different_with_snapshots = None  # type: ignore[assignment]

    @pytest.fixture
    def open_snapshots(self, pgbouncer: Pooler, new_schema: Callable[[Pooler], str]) -> OpenSnapshots:
        return on_postgres(new_schema(pgbouncer))

"""Everything that delivery keeps passes the same suite."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pooler import Pooler

pytest.register_assert_rewrite("headwater.testing.conformance.delivery")

from headwater.adapters.postgres.delivery import PostgresDelivery  # noqa: E402
from headwater.adapters.postgres.store import PostgresStore  # noqa: E402
from headwater.adapters.postgres.views import PostgresViews  # noqa: E402
from headwater.adapters.sqlite.delivery import SqliteDelivery  # noqa: E402
from headwater.adapters.sqlite.store import SqliteStore  # noqa: E402
from headwater.adapters.sqlite.views import SqliteViews  # noqa: E402
from headwater.clock import Clock  # noqa: E402
from headwater.testing.conformance.delivery import DeliveryStoreConformance, OpenDelivery, Opened  # noqa: E402
from headwater.testing.postgres import PostgresServer  # noqa: E402

NewSchema = Callable[[PostgresServer | Pooler], str]


def on_sqlite(path: str) -> OpenDelivery:
    @asynccontextmanager
    async def open(clock: Clock) -> AsyncIterator[Opened]:
        async with await SqliteStore.open(path, clock=clock) as store:
            views = SqliteViews(store)
            try:
                yield Opened(SqliteDelivery(store), views, store.capabilities)
            finally:
                await views.close()

    return open


class TestSqliteFile(DeliveryStoreConformance):
    @pytest.fixture
    def open_delivery(self, tmp_path: Path) -> OpenDelivery:
        return on_sqlite(str(tmp_path / "store.db"))


class TestSqliteInMemory(DeliveryStoreConformance):
    @pytest.fixture
    def open_delivery(self) -> OpenDelivery:
        return on_sqlite(":memory:")


def on_postgres(url: str) -> OpenDelivery:
    @asynccontextmanager
    async def open(clock: Clock) -> AsyncIterator[Opened]:
        async with await PostgresStore.open(url, clock=clock) as store:
            yield Opened(PostgresDelivery(store), PostgresViews(store), store.capabilities)

    return open


@pytest.fixture(scope="module")
def place(postgres: PostgresServer, new_schema: NewSchema) -> str:
    """One for all tests: each has names of its own."""
    return new_schema(postgres)


@pytest.fixture(scope="module")
def old_place(old_postgres: PostgresServer, new_schema: NewSchema) -> str:
    return new_schema(old_postgres)


@pytest.fixture(scope="module")
def pooled_place(pgbouncer: Pooler, new_schema: NewSchema) -> str:
    return new_schema(pgbouncer)


class TestPostgres(DeliveryStoreConformance):
    @pytest.fixture
    def open_delivery(self, place: str) -> OpenDelivery:
        return on_postgres(place)


class TestOldPostgres(DeliveryStoreConformance):
    TestLaws = None  # type: ignore[assignment]

    @pytest.fixture
    def open_delivery(self, old_place: str) -> OpenDelivery:
        return on_postgres(old_place)


class TestPooledPostgres(DeliveryStoreConformance):
    TestLaws = None  # type: ignore[assignment]

    @pytest.fixture
    def open_delivery(self, pooled_place: str) -> OpenDelivery:
        return on_postgres(pooled_place)

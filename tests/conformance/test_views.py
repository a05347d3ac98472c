"""Every store of views passes the same suite."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pooler import Pooler

pytest.register_assert_rewrite("headwater.testing.conformance.views")

from headwater.adapters.postgres.store import PostgresStore  # noqa: E402
from headwater.adapters.postgres.views import PostgresViews  # noqa: E402
from headwater.adapters.sqlite.store import SqliteStore  # noqa: E402
from headwater.adapters.sqlite.views import SqliteViews  # noqa: E402
from headwater.testing.conformance.views import OpenViews, ViewStoreConformance  # noqa: E402
from headwater.testing.postgres import PostgresServer  # noqa: E402
from headwater.views.port import ViewStore  # noqa: E402


def opener(path: str) -> OpenViews:
    @asynccontextmanager
    async def open() -> AsyncIterator[ViewStore]:
        async with await SqliteStore.open(path) as store:
            views = SqliteViews(store)
            try:
                yield views
            finally:
                await views.close()

    return open


class TestSqliteFile(ViewStoreConformance):
    @pytest.fixture
    def open_views(self, tmp_path: Path) -> OpenViews:
        return opener(str(tmp_path / "store.db"))


class TestSqliteInMemory(ViewStoreConformance):
    @pytest.fixture
    def open_views(self) -> OpenViews:
        return opener(":memory:")


def on_postgres(url: str) -> OpenViews:
    @asynccontextmanager
    async def open() -> AsyncIterator[ViewStore]:
        async with await PostgresStore.open(url) as store:
            yield PostgresViews(store)

    return open


class TestPostgres(ViewStoreConformance):
    @pytest.fixture
    def open_views(self, postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> OpenViews:
        return on_postgres(new_schema(postgres))


class TestOldPostgres(ViewStoreConformance):
    @pytest.fixture
    def open_views(self, old_postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> OpenViews:
        return on_postgres(new_schema(old_postgres))


class TestPooledPostgres(ViewStoreConformance):
    @pytest.fixture
    def open_views(self, pgbouncer: Pooler, new_schema: Callable[[Pooler], str]) -> OpenViews:
        return on_postgres(new_schema(pgbouncer))

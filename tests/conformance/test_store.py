"""Every event store passes the same suite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parts import part_of

from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.sqlite.store import SqliteStore
from headwater.store.memory import MemoryStore
from headwater.testing.conformance import EventStoreConformance, OpenStore
from headwater.testing.postgres import PostgresServer
from pooler import Pooler

OLD = "TestAppending", "TestConditions", "TestDeciding", "TestIds", "TestMoving", "TestQueries", "TestScan"
POOLED = (
    "TestAppending",
    "TestDecidingTogether",
    "TestRaces",
    "TestScan",
    "TestSharing",
    "TestSubscriptions",
    "TestWaiting",
)

NewSchema = Callable[[PostgresServer | Pooler], str]


def on_sqlite(path_of: Callable[[str], str], **fixed: Any) -> OpenStore:
    async def open(place: str, **options: Any) -> SqliteStore:
        return await SqliteStore.open(path_of(place), **fixed, **options)

    return open


def on_postgres(server: PostgresServer | Pooler, new_schema: NewSchema) -> OpenStore:
    addresses: dict[str, str] = {}

    async def open(place: str, **options: Any) -> PostgresStore:
        return await PostgresStore.open(addresses.setdefault(place, new_schema(server)), **options)

    return open


class TestMemory(EventStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        async def open(_place: str, **options: Any) -> MemoryStore:
            return MemoryStore(**options)

        return open


class TestSqliteFile(EventStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return on_sqlite(lambda place: str(tmp_path / f"{place}.db"))


class TestSqliteFileNotDurable(EventStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        return on_sqlite(lambda place: str(tmp_path / f"{place}.db"), durable=False)


class TestSqliteInMemory(EventStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        return on_sqlite(lambda _place: ":memory:")


class TestPostgres(EventStoreConformance):
    @pytest.fixture
    def open_store(self, postgres: PostgresServer, new_schema: NewSchema) -> OpenStore:
        return on_postgres(postgres, new_schema)


class TestOldPostgres(part_of(EventStoreConformance, *OLD)):  # type: ignore[misc]
    """What its SQL is about."""

    @pytest.fixture
    def open_store(self, old_postgres: PostgresServer, new_schema: NewSchema) -> OpenStore:
        return on_postgres(old_postgres, new_schema)


class TestPooledPostgres(part_of(EventStoreConformance, *POOLED)):  # type: ignore[misc]
    """What its connections are about."""

    @pytest.fixture
    def open_store(self, pgbouncer: Pooler, new_schema: NewSchema) -> OpenStore:
        return on_postgres(pgbouncer, new_schema)

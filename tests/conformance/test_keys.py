"""Every key store passes the same suite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pooler import Pooler

pytest.register_assert_rewrite("headwater.testing.conformance.keys")

from headwater.adapters.postgres.keys import PostgresKeys  # noqa: E402
from headwater.adapters.sqlite.keys import SqliteKeys  # noqa: E402
from headwater.clock import Clock  # noqa: E402
from headwater.keys.memory import MemoryKeys  # noqa: E402
from headwater.keys.port import KeyStore  # noqa: E402
from headwater.testing.conformance.keys import KeyStoreConformance, OpenKeys  # noqa: E402
from headwater.testing.postgres import PostgresServer  # noqa: E402


class TestMemory(KeyStoreConformance):
    @pytest.fixture
    def open_keys(self) -> OpenKeys:
        async def open(clock: Clock) -> KeyStore:
            return MemoryKeys(clock=clock)

        return open


class TestSqlite(KeyStoreConformance):
    @pytest.fixture
    def open_keys(self, tmp_path: Path) -> OpenKeys:
        async def open(clock: Clock) -> KeyStore:
            return await SqliteKeys.open(str(tmp_path / "keys.db"), clock=clock)

        return open


def on_postgres(url: str) -> OpenKeys:
    async def open(clock: Clock) -> KeyStore:
        return await PostgresKeys.open(url, clock=clock)

    return open


class TestPostgres(KeyStoreConformance):
    @pytest.fixture
    def open_keys(self, postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> OpenKeys:
        return on_postgres(new_schema(postgres))


class TestOldPostgres(KeyStoreConformance):
    @pytest.fixture
    def open_keys(self, old_postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> OpenKeys:
        return on_postgres(new_schema(old_postgres))


class TestPooledPostgres(KeyStoreConformance):
    @pytest.fixture
    def open_keys(self, pgbouncer: Pooler, new_schema: Callable[[Pooler], str]) -> OpenKeys:
        return on_postgres(new_schema(pgbouncer))

"""Every event store passes the same suite."""

from pathlib import Path
from typing import Any

import pytest

from headwater.adapters.sqlite.store import SqliteStore
from headwater.store.memory import MemoryStore
from headwater.testing.conformance import EventStoreConformance, OpenStore


class TestMemory(EventStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        async def open(_place: str, **options: Any) -> MemoryStore:
            return MemoryStore(**options)

        return open


class TestSqliteFile(EventStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        async def open(place: str, **options: Any) -> SqliteStore:
            return await SqliteStore.open(str(tmp_path / f"{place}.db"), **options)

        return open


class TestSqliteFileNotDurable(EventStoreConformance):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        async def open(place: str, **options: Any) -> SqliteStore:
            return await SqliteStore.open(str(tmp_path / f"{place}.db"), durable=False, **options)

        return open


class TestSqliteInMemory(EventStoreConformance):
    @pytest.fixture
    def open_store(self) -> OpenStore:
        async def open(_place: str, **options: Any) -> SqliteStore:
            return await SqliteStore.open(":memory:", **options)

        return open

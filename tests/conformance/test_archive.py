"""An archive passes the reading parts of the suite for event stores: what is appended is archived before it is read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from headwater.adapters.archive.store import ArchiveStore
from headwater.errors import StoreClosed, Unsupported
from headwater.messages import ALL, Batch, Envelope, Page, Query, Write
from headwater.store.archive import writing
from headwater.store.memory import MemoryStore
from headwater.store.port import LOAD_LIMIT, EventStore
from headwater.store.removal import Cut, StreamMark
from headwater.testing.conformance import OpenStore, batches, reading
from headwater.testing.conformance.harness import counted, everything, fill
from headwater.testing.running import asynchronous


@asynccontextmanager
async def archived(store: EventStore, file: Path) -> AsyncIterator[ArchiveStore]:
    """All that is in a store, as an archive."""
    with writing(file, store.address, "", "") as out:
        out.add(await everything(store))
    async with await ArchiveStore.open(file) as archive:
        yield archive


class Archived(MemoryStore):
    """A store in memory that answers from an archive of itself."""

    def __init__(self, file: Path, **options: Any) -> None:
        super().__init__(**options)
        self._file = file

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        async with self._archive() as archive:
            return await archive.load(stream, after=after, limit=limit)

    async def scan(self, query: Query = ALL, *, after: int = 0, limit: int = 1000) -> Batch:
        async with self._archive() as archive:
            return await archive.scan(query, after=after, limit=limit)

    async def read(self, query: Query = ALL, *, after: int = 0, limit: int = 1000) -> Page:
        async with self._archive() as archive:
            return await archive.read(query, after=after, limit=limit)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        async with self._archive() as archive:
            return await archive.read_stream(stream, after=after, limit=limit)

    @asynccontextmanager
    async def _archive(self) -> AsyncIterator[ArchiveStore]:
        with writing(self._file, self.address, "", "") as out:
            out.add(self._events)
        async with await ArchiveStore.open(self._file) as archive:
            yield archive


class TestArchive:
    TestPages = reading.TestPages
    TestQueries = reading.TestQueries
    TestStreams = reading.TestStreams
    TestLoad = batches.TestLoad
    TestScan = batches.TestScan

    @pytest.fixture
    def open_store(self, tmp_path: Path) -> OpenStore:
        async def open(place: str, **options: Any) -> Archived:
            return Archived(tmp_path / f"{place}.ndjson", **options)

        return open


@asynchronous
async def test_what_is_left_of_streams_is_marked(tmp_path: Path) -> None:
    store = MemoryStore()
    await fill(store, 5)
    await store.append(Write("whole", [counted(1)]))
    await store.remove(Cut("numbers", 3))
    async with archived(store, tmp_path / "file") as archive:
        assert await archive.marks() == [StreamMark("numbers", 2)]
        assert await archive.marks("numbers") == []
        assert await everything(archive) == await everything(store)
        assert await archive.check() == []


@asynchronous
async def test_it_takes_nothing_and_tells_nothing_once_it_is_closed(tmp_path: Path) -> None:
    store = MemoryStore()
    await fill(store, 5)
    async with archived(store, tmp_path / "file") as archive:
        event = counted(1)
        refused = [
            archive.append(Write("a", [event])), archive.decide("a", lambda _: [event]), archive.restore(()),
            archive.remove(Cut("numbers", 2)), archive.close_stream("numbers"), archive.mark(()), archive.put_back(()),
        ]  # fmt: skip
        for each in refused:
            with pytest.raises(Unsupported):
                await each
        assert await archive.wait(0, timeout=60) == 5
        assert await archive.wait(5, timeout=0) == 5
    await archive.close()
    for call in (archive.read(), archive.read_stream("numbers"), archive.load("numbers"), archive.head()):
        with pytest.raises(StoreClosed):
            await call

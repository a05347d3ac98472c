"""The suite that every adapter of the SnapshotStore port passes. One fixture declares an adapter:

    from headwater.testing.conformance.snapshots import OpenSnapshots, SnapshotStoreConformance

    class TestMySnapshots(SnapshotStoreConformance):
        @pytest.fixture
        def open_snapshots(self, tmp_path):
            @asynccontextmanager
            async def open():
                async with await MyStore.open(tmp_path / "store") as store:
                    yield store, MySnapshots(store)
            return open

`open()` is a context in which there is a store with its snapshots, at the one place that the fixture stands for; what
earlier tests have left there is in nobody's way. It needs pytest and hypothesis.
"""

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any, Protocol

import msgspec
import pytest

from headwater.messages import Write
from headwater.store.port import EventStore
from headwater.store.snapshots import Snapshot, SnapshotStore
from headwater.testing.conformance.harness import several
from headwater.testing.running import run

pytest.register_assert_rewrite(f"{__name__}_laws")  # before it is imported

from headwater.testing.conformance.snapshots_laws import obeys  # noqa: E402


class OpenSnapshots(Protocol):
    """Opens a store with its snapshots for a block."""

    def __call__(self) -> AbstractAsyncContextManager[tuple[EventStore, SnapshotStore]]: ...


Test = Callable[[EventStore, SnapshotStore, str], Coroutine[Any, Any, None]]

_names = count()


def on_stream(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[[Any, OpenSnapshots], None]:
    """Make `test(store, kept, stream)` a test: of a store that has a stream of three events."""

    def body(self: Any, open_snapshots: OpenSnapshots) -> None:
        async def main() -> None:
            stream = f"numbers-{next(_names)}"
            async with open_snapshots() as (store, kept):
                await kept.drop()
                await store.append(Write(stream, several(3), expected=0))
                await test(store, kept, stream)

        run(main())

    body.__doc__ = test.__doc__
    return body


async def taken(store: EventStore, stream: str, version: int = 3, fold: int = 1, state: bytes = b"[1]") -> Snapshot:
    """A snapshot of a stream at one of its versions."""
    (last,) = await store.read_stream(stream, after=version - 1, limit=1)
    return Snapshot(stream, "numbers", fold, version, last.position, last.time, state)


class SnapshotStoreConformance:
    """All of it. Inherit from it and give it the fixture `open_snapshots`."""

    @on_stream
    async def test_there_is_none_at_first(store: EventStore, kept: SnapshotStore, stream: str) -> None:
        assert await kept.get(stream, "numbers", 1) is None
        assert await kept.get("nowhere", "numbers", 1) is None
        assert await kept.all() == []

    @on_stream
    async def test_the_last_one_is_given_back(store: EventStore, kept: SnapshotStore, stream: str) -> None:
        for version in (1, 3, 2):
            wanted = await taken(store, stream, version, state='{"é":"\\u0000"}'.encode())
            await kept.put(wanted)
            assert await kept.get(stream, "numbers", 1) == wanted
            assert await kept.all() == [wanted]

    @on_stream
    async def test_one_for_something_else_is_not(store: EventStore, kept: SnapshotStore, stream: str) -> None:
        await kept.put(await taken(store, stream))
        assert await kept.get(stream, "other", 1) is None
        assert await kept.get(stream, "numbers", 2) is None
        assert await kept.get(stream.upper(), "numbers", 1) is None

    @on_stream
    async def test_those_of_older_folds_make_way(store: EventStore, kept: SnapshotStore, stream: str) -> None:
        old, new, newest = [await taken(store, stream, fold=fold) for fold in (1, 2, 3)]
        other = msgspec.structs.replace(old, decider="other")
        for each in (newest, old, other, new):
            await kept.put(each)
        assert await kept.get(stream, "numbers", 1) is None
        assert list(await kept.all()) == [new, newest, other]

    @on_stream
    async def test_one_that_is_ahead_of_its_stream_is_not_seen(
        store: EventStore, kept: SnapshotStore, stream: str
    ) -> None:
        there = await taken(store, stream)
        ahead = msgspec.structs.replace(there, version=4, position=there.position + 1)
        elsewhere = msgspec.structs.replace(there, position=there.position - 1)
        before = msgspec.structs.replace(there, time=there.time - 1)
        nowhere = msgspec.structs.replace(there, stream="nowhere")
        for each in (ahead, elsewhere, before, nowhere):
            await kept.put(each)
            assert await kept.get(each.stream, "numbers", 1) is None
        await kept.put(there)
        assert await kept.get(stream, "numbers", 1) == there

    @on_stream
    async def test_they_are_dropped(store: EventStore, kept: SnapshotStore, stream: str) -> None:
        more = [f"{stream}-{n}" for n in range(3)]
        await store.append(*(Write(each, several(3)) for each in more))
        for each in (stream, *more):
            await kept.put(await taken(store, each))
        assert await kept.drop("nowhere") == 0
        assert await kept.drop(more[0]) == 1
        assert await kept.get(more[0], "numbers", 1) is None
        assert await kept.get(stream, "numbers", 1) is not None
        assert await kept.drop() == 3
        assert await kept.all() == []

    @on_stream
    async def test_they_are_listed_stream_by_stream(store: EventStore, kept: SnapshotStore, stream: str) -> None:
        streams = [f"{stream}-{name}" for name in ("b", "a", "É", "10", "9", "Z")]
        await store.append(*(Write(each, several(3)) for each in streams))
        for each in streams:
            for fold in (2, 1):
                await kept.put(await taken(store, each, fold=fold))
        found: list[Snapshot] = []
        while page := await kept.all(after=found[-1].stream if found else "", limit=2):
            assert len({each.stream for each in page}) <= 2
            found += page
        assert [(each.stream, each.fold) for each in found] == [(each, n) for each in sorted(streams) for n in (1, 2)]

    def test_nothing_is_different_with_snapshots(self, open_snapshots: OpenSnapshots) -> None:
        obeys(open_snapshots)

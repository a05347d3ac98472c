"""Expected versions: optimistic concurrency on one stream."""

import pytest

from headwater.errors import Conflict, WrongExpectedVersion
from headwater.messages import Write
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import counted, everything, fill, on_store, several, stream_of


class TestExpectedVersions:
    """An append with an expected version holds only if the stream is there."""

    @on_store
    async def test_none_takes_any_version(self, store: EventStore) -> None:
        for n in range(3):
            assert (await store.append(Write("numbers", [counted(n)]))).versions == (n + 1,)

    @on_store
    async def test_zero_is_a_stream_that_does_not_exist(self, store: EventStore) -> None:
        await store.append(Write("numbers", several(2), expected=0))
        with pytest.raises(WrongExpectedVersion) as caught:
            await store.append(Write("numbers", [counted(9)], expected=0))
        assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("numbers", 0, 2)

    @on_store
    async def test_the_exact_version_is_taken(self, store: EventStore) -> None:
        await fill(store, 3)
        assert (await store.append(Write("numbers", [counted(3)], expected=3))).versions == (4,)

    @on_store
    async def test_any_other_version_is_refused_and_nothing_written(self, store: EventStore) -> None:
        await fill(store, 3)
        for expected in (-1, 1, 2, 4, 1000):
            with pytest.raises(WrongExpectedVersion) as caught:
                await store.append(Write("numbers", [counted(9)], expected=expected))
            assert (caught.value.expected, caught.value.actual) == (expected, 3)
            assert isinstance(caught.value, Conflict), "loading again and retrying may help"
        assert await stream_of(store, "numbers") == [0, 1, 2]

    @on_store
    async def test_a_missing_stream_is_at_version_zero(self, store: EventStore) -> None:
        await fill(store, 3)
        with pytest.raises(WrongExpectedVersion) as caught:
            await store.append(Write("nothing", [counted(9)], expected=1))
        assert caught.value.actual == 0

    @on_store
    async def test_streams_count_for_themselves(self, store: EventStore) -> None:
        await fill(store, 3, "a")
        await fill(store, 1, "b")
        assert (await store.append(Write("b", [counted(9)], expected=1))).versions == (2,)

    @on_store
    async def test_a_refused_append_leaves_the_version_as_it_was(self, store: EventStore) -> None:
        with pytest.raises(WrongExpectedVersion):
            await store.append(Write("numbers", several(5), expected=7))
        assert (await store.append(Write("numbers", [counted(0)], expected=0))).versions == (1,)
        assert len(await everything(store)) == 1

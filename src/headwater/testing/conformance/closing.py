"""The end of a store, and its next beginning."""

import asyncio
from collections.abc import Awaitable

import pytest

from headwater.errors import StoreClosed, StoreError
from headwater.messages import Write
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import (
    OpenStore,
    counted,
    everything,
    fill,
    on_store,
    require,
    several,
    values,
    with_places,
)


class TestClosing:
    """Closing finishes what was accepted; afterwards everything is refused."""

    @on_store
    async def test_closing_twice_is_harmless(self, store: EventStore) -> None:
        await store.close()
        await store.close()
        await asyncio.gather(store.close(), store.close())

    @on_store
    async def test_a_closed_store_refuses_everything(self, store: EventStore) -> None:
        await fill(store, 3)
        await store.close()
        calls: list[Awaitable[object]] = [
            store.append(Write("a", [counted(1)])),
            store.load("a"),
            store.scan(),
            store.read(),
            store.read_stream("a"),
            store.find_append("once"),
            store.head(),
            store.wait(0, timeout=0),
        ]
        for call in calls:
            with pytest.raises(StoreClosed) as caught:
                await call
            assert isinstance(caught.value, StoreError)

    @with_places
    async def test_what_was_accepted_is_finished(self, open_store: OpenStore) -> None:
        store = await open_store("main")
        tasks = [asyncio.create_task(store.append(Write(f"s-{n}", [counted(n)]))) for n in range(50)]
        await asyncio.sleep(0)
        await store.close()
        done = await asyncio.gather(*tasks)
        assert sorted(each.first for each in done) == sorted({each.first for each in done})
        assert len(done) == 50


class TestReopening:
    """A durable store has everything again when it is opened again."""

    @with_places
    async def test_it_has_what_was_acknowledged(self, open_store: OpenStore) -> None:
        async with await open_store("main") as store:
            require(store, lambda can: can.durable, "durable")
            for n in range(10):
                await store.append(Write(f"s-{n % 3}", [counted(n, f"tag-{n % 2}")]), id=str(n), fingerprint="f")
            before = await everything(store)
        async with await open_store("main") as store:
            assert await everything(store) == before
            assert (await store.load("s-0")).version == 4
            again = await store.append(Write("s-0", [counted(0)]), id="3", fingerprint="f")
            assert (again.repeated, again.first) == (True, before[3].position)
            done = await store.append(Write("s-0", [counted(10)], expected=4))
            assert done.first > before[-1].position

    @with_places
    async def test_it_has_what_was_accepted_before_closing(self, open_store: OpenStore) -> None:
        store = await open_store("main")
        if not store.capabilities.durable:
            await store.close()
        require(store, lambda can: can.durable, "durable")
        task = asyncio.gather(*(store.append(Write("a", [counted(n)])) for n in range(50)))
        await asyncio.sleep(0)
        await store.close()
        await task
        async with await open_store("main") as store:
            assert sorted(values(await everything(store))) == list(range(50))

    @with_places
    async def test_places_are_apart(self, open_store: OpenStore) -> None:
        async with await open_store("one") as one, await open_store("other") as other:
            await one.append(Write("a", several(3)))
            assert await other.head() == 0

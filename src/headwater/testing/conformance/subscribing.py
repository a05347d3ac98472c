"""Waiting for events, and following the store."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from headwater.errors import StoreClosed
from headwater.messages import Page, Query, Write, query
from headwater.store.port import EventStore
from headwater.store.subscription import subscribe
from headwater.testing.conformance.harness import (
    OpenStore,
    counted,
    fill,
    named,
    on_store,
    require,
    several,
    values,
    with_places,
)

LONG = 60.0  # seconds; nobody here waits for so long
SOON = 5.0  # seconds; what happens at once takes less on the busiest machine


async def take(pages: AsyncGenerator[Page, None], count: int) -> list[Any]:
    """What is in the next `count` events."""
    found: list[Any] = []
    while len(found) < count:
        found += values((await anext(pages)).events)
    return found


class TestWaiting:
    """`wait` returns as soon as there is more, and no later than its time."""

    @on_store
    async def test_what_is_there_already_is_not_waited_for(self, store: EventStore) -> None:
        await fill(store, 3)
        head = await store.head()
        assert await store.wait(head - 1, timeout=LONG) == head
        assert await store.wait(0, timeout=0) == head

    @on_store
    async def test_it_ends_when_its_time_is_over(self, store: EventStore) -> None:
        await fill(store, 3)
        head = await store.head()
        start = time.monotonic()
        assert await store.wait(head, timeout=0.05) == head
        assert 0.045 <= time.monotonic() - start < SOON
        assert await store.wait(head, timeout=0) == head
        assert await store.wait(head, timeout=-1) == head

    @on_store
    async def test_an_append_wakes_all_who_wait(self, store: EventStore) -> None:
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(store.wait(0, timeout=LONG)) for _ in range(20)]
            await asyncio.sleep(0)
            done = await store.append(Write("a", [counted(1)]))
        assert [task.result() for task in waiting] == [done.last] * 20
        assert time.monotonic() - start < SOON

    @on_store
    async def test_it_waits_on_until_its_position_is_passed(self, store: EventStore) -> None:
        first = await store.append(Write("a", [counted(1)]))
        waiting = asyncio.create_task(store.wait(first.last + 3, timeout=LONG))
        for n in range(8):
            await asyncio.sleep(0)
            await store.append(Write("a", [counted(n)]))
        assert await waiting > first.last + 3

    @on_store
    async def test_a_cancelled_wait_leaves_the_others_waiting(self, store: EventStore) -> None:
        one, other = (asyncio.create_task(store.wait(0, timeout=LONG)) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        done = await store.append(Write("a", [counted(1)]))
        assert await other == done.last

    @on_store
    async def test_closing_wakes_them_with_an_error(self, store: EventStore) -> None:
        waiting = asyncio.create_task(store.wait(0, timeout=LONG))
        await asyncio.sleep(0)
        await store.close()
        with pytest.raises(StoreClosed):
            await waiting

    @with_places
    async def test_an_append_elsewhere_wakes_too(self, open_store: OpenStore) -> None:
        async with await open_store("main") as here:
            require(here, lambda can: can.shared, "shared")
            async with await open_store("main") as there:
                for n in range(1, 6):
                    waiting = asyncio.create_task(here.wait(n - 1, timeout=LONG))
                    await asyncio.sleep(0)
                    start = time.monotonic()
                    done = await there.append(Write("a", [counted(n)]))
                    assert await waiting == done.last
                    assert time.monotonic() - start < SOON


class TestSubscriptions:
    """A subscription sees everything once, in order: what was, then what comes."""

    @on_store
    async def test_first_all_that_was_then_all_that_comes(self, store: EventStore) -> None:
        await fill(store, 10)
        async with aclosing(subscribe(store, limit=3)) as pages:
            assert await take(pages, 10) == list(range(10))
            for n in range(10, 15):
                coming = asyncio.create_task(take(pages, 1))
                await asyncio.sleep(0)
                await store.append(Write("numbers", [counted(n)]))
                assert await coming == [n]

    @on_store
    async def test_pages_keep_to_their_limit(self, store: EventStore) -> None:
        await fill(store, 10)
        async with aclosing(subscribe(store, limit=4)) as pages:
            got = [await anext(pages) for _ in range(3)]
        assert [len(page.events) for page in got] == [4, 4, 2]
        assert [page.position < page.head for page in got] == [True, True, False]

    @on_store
    async def test_it_tells_once_when_it_has_caught_up(self, store: EventStore) -> None:
        async with aclosing(subscribe(store)) as pages:
            first = await anext(pages)
            assert (list(first.events), first.position, first.head) == ([], 0, 0)
            coming = asyncio.create_task(anext(pages))
            await store.append(Write("a", [counted(1)]))
            assert values((await coming).events) == [1]

    @on_store
    async def test_it_goes_on_after_a_position(self, store: EventStore) -> None:
        await fill(store, 10)
        async with aclosing(subscribe(store, limit=4)) as pages:
            position = (await anext(pages)).position
        async with aclosing(subscribe(store, after=position)) as pages:
            assert await take(pages, 6) == list(range(4, 10))

    @on_store
    async def test_a_query_leaves_events_out(self, store: EventStore) -> None:
        async with aclosing(subscribe(store, query("conformance.named"), limit=2)) as pages:
            coming = asyncio.create_task(take(pages, 5))
            for n in range(5):
                await store.append(Write("a", [counted(n), named(f"name {n}"), counted(n)]))
            assert await coming == [f"name {n}" for n in range(5)]

    @on_store
    async def test_a_query_that_nothing_matches_catches_up_too(self, store: EventStore) -> None:
        await fill(store, 10)
        async with aclosing(subscribe(store, query(tags=["never"]), limit=2)) as pages:
            page = await anext(pages)
            assert list(page.events) == []
            assert page.position == page.head == await store.head()

    @on_store
    async def test_an_idle_one_can_be_asked_for_a_sign_of_life(self, store: EventStore) -> None:
        async with aclosing(subscribe(store, query(tags=["rare"]), idle=0.02)) as pages:
            assert (await anext(pages)).position == 0
            done = await store.append(Write("a", several(3)))
            while (beat := await anext(pages)).position < done.last:
                assert list(beat.events) == []
            assert (list(beat.events), beat.position) == ([], done.last)

    @on_store
    async def test_a_slow_reader_loses_nothing(self, store: EventStore) -> None:
        async with aclosing(subscribe(store, limit=7)) as pages:
            await anext(pages)
            for n in range(100):
                await store.append(Write("a", [counted(n)]))
            assert await take(pages, 100) == list(range(100))

    @on_store
    async def test_many_follow_while_many_write(self, store: EventStore) -> None:
        async def write(writer: int) -> None:
            for n in range(20):
                await store.append(Write(f"s-{writer}", [counted(writer * 100 + n)]))

        async def follow(wanted: Query) -> list[Any]:
            async with aclosing(subscribe(store, wanted, limit=9)) as pages:
                return await take(pages, 160)

        async with asyncio.TaskGroup() as group:
            following = [group.create_task(follow(Query())) for _ in range(4)]
            for writer in range(8):
                group.create_task(write(writer))
        whole = values((await store.read()).events)
        assert sorted(whole) == [writer * 100 + n for writer in range(8) for n in range(20)]
        assert all(task.result() == whole for task in following)

    @on_store
    async def test_cancelling_ends_it(self, store: EventStore) -> None:
        pages = subscribe(store)
        await anext(pages)
        waiting = asyncio.create_task(anext(pages))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(StopAsyncIteration):
            await anext(pages)

    @on_store
    async def test_it_ends_with_its_store(self, store: EventStore) -> None:
        pages = subscribe(store)
        await anext(pages)
        waiting = asyncio.create_task(anext(pages))
        await asyncio.sleep(0)
        await store.close()
        with pytest.raises(StoreClosed):
            await waiting

"""Concurrency: many tasks at once, each judged on its own."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from headwater.errors import ConditionFailed, Conflict, WrongExpectedVersion
from headwater.messages import Appended, Condition, Write, query
from headwater.store.port import EventStore
from headwater.testing.conformance.harness import (
    OpenStore,
    counted,
    everything,
    named,
    on_store,
    require,
    several,
    stream_of,
    values,
    with_places,
)

TASKS = 64


async def race(*tries: Awaitable[Appended]) -> tuple[list[Appended], list[BaseException]]:
    """Run all at once: the results of those that went through, and the errors of the others."""
    outcomes: list[Any] = await asyncio.gather(*tries, return_exceptions=True)
    failed = [each for each in outcomes if isinstance(each, BaseException)]
    return [each for each in outcomes if isinstance(each, Appended)], failed


class TestRaces:
    """However many try at once, the promises hold."""

    @on_store
    async def test_one_stream_takes_all(self, store: EventStore) -> None:
        done, failed = await race(*(store.append(Write("a", [counted(n)])) for n in range(TASKS)))
        assert not failed
        assert sorted(each.versions[0] for each in done) == list(range(1, TASKS + 1))
        assert sorted(await stream_of(store, "a")) == list(range(TASKS))

    @on_store
    async def test_of_those_with_one_expected_version_one_wins(self, store: EventStore) -> None:
        for round in range(5):
            done, failed = await race(
                *(store.append(Write("a", [counted(n)], expected=round)) for n in range(TASKS)),
            )
            assert len(done) == 1
            assert {type(error) for error in failed} == {WrongExpectedVersion}
            assert len(await store.read_stream("a")) == round + 1

    @on_store
    async def test_of_those_with_one_condition_one_wins(self, store: EventStore) -> None:
        condition = Condition(query(tags=["seat:7"]), 0)
        tries = (store.append(Write(f"s-{n}", [counted(n, "seat:7")]), condition=condition) for n in range(TASKS))
        done, failed = await race(*tries)
        assert len(done) == 1
        assert {type(error) for error in failed} == {ConditionFailed}
        assert len(await everything(store)) == 1

    @on_store
    async def test_conditions_on_different_things_do_not_hinder_each_other(self, store: EventStore) -> None:
        done, failed = await race(
            *(
                store.append(Write("a", [counted(n, f"seat:{n}")]), condition=Condition(query(tags=[f"seat:{n}"]), 0))
                for n in range(TASKS)
            )
        )
        assert (len(done), failed) == (TASKS, [])

    @on_store
    async def test_of_those_with_one_id_one_writes_and_all_get_its_result(self, store: EventStore) -> None:
        done, failed = await race(*(store.append(Write(f"s-{n}", several(2)), id="once") for n in range(TASKS)))
        assert not failed
        assert sum(not each.repeated for each in done) == 1
        assert len({(each.first, each.last, each.versions) for each in done}) == 1
        assert len(await everything(store)) == 2

    @on_store
    async def test_a_refused_append_fails_alone(self, store: EventStore) -> None:
        good = (store.append(Write(f"s-{n}", [counted(n)], expected=0)) for n in range(TASKS))
        bad = (store.append(Write(f"s-{n}", [named("x")], expected=5)) for n in range(TASKS))
        done, failed = await race(*(each for pair in zip(good, bad, strict=True) for each in pair))
        assert (len(done), len(failed)) == (TASKS, TASKS)
        assert {type(error) for error in failed} == {WrongExpectedVersion}
        assert sorted(values(await everything(store))) == list(range(TASKS))

    @on_store
    async def test_appends_of_several_streams_stay_whole(self, store: EventStore) -> None:
        async def both(n: int) -> Appended:
            return await store.append(Write("a", [counted(n)]), Write(f"b-{n % 3}", [counted(n), counted(n)]))

        await race(*(both(n) for n in range(TASKS)))
        whole = values(await everything(store))
        assert whole == [n for first in whole[::3] for n in (first,) * 3], "no append cuts into another"
        assert await stream_of(store, "a") == whole[::3]

    @on_store
    async def test_loading_and_retrying_gets_everyone_through(self, store: EventStore) -> None:
        async def count_up() -> None:
            while True:
                batch = await store.load("counter")
                try:
                    await store.append(Write("counter", [counted(batch.count)], expected=batch.version))
                except Conflict:
                    continue
                return

        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(count_up())
        assert await stream_of(store, "counter") == list(range(TASKS))

    @on_store
    async def test_a_reader_never_sees_the_past_change(self, store: EventStore) -> None:
        stop = asyncio.Event()

        async def look() -> list[int]:
            seen: list[int] = []
            while not stop.is_set() or seen[-1:] != [await store.head()]:
                seen += [event.position for event in (await store.read(after=seen[-1] if seen else 0, limit=5)).events]
                await asyncio.sleep(0)
            return seen

        async with asyncio.TaskGroup() as group:
            looking = [group.create_task(look()) for _ in range(4)]
            for n in range(10):
                await race(*(store.append(Write(f"s-{n}-{i % 7}", several(1 + i % 3))) for i in range(20)))
            stop.set()
        whole = [event.position for event in await everything(store)]
        assert all(task.result() == whole for task in looking)

    @on_store
    async def test_a_cancelled_append_is_whole_or_not_there(self, store: EventStore) -> None:
        tasks = [asyncio.create_task(store.append(Write("a", several(3, n * 3)), id=str(n))) for n in range(TASKS)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        done = [each for each in results if isinstance(each, Appended)]
        assert len(done) >= TASKS // 2
        there = [found for n in range(TASKS) if (found := await store.find_append(str(n)))]
        assert len(await store.read_stream("a")) == 3 * len(there)
        assert {each.first for each in done} <= {each.first for each in there}


class TestSharing:
    """One place opened more than once."""

    @with_places
    async def test_all_see_the_same(self, open_store: OpenStore) -> None:
        async with await open_store("main") as here:
            require(here, lambda can: can.shared, "shared")
            async with await open_store("main") as there:
                for n in range(20):
                    writer, reader = (here, there) if n % 2 else (there, here)
                    done = await writer.append(Write(f"s-{n % 3}", [counted(n), named(str(n))]))
                    assert await reader.head() == done.last
                    assert (await reader.load(f"s-{n % 3}")).version == done.versions[0]
                assert await everything(here) == await everything(there)

    @with_places
    async def test_of_those_with_one_expected_version_one_wins(self, open_store: OpenStore) -> None:
        async with await open_store("main") as here:
            require(here, lambda can: can.shared, "shared")
            async with await open_store("main") as there:
                for round in range(5):
                    done, failed = await race(
                        *(
                            store.append(Write("a", [counted(n)], expected=round))
                            for n in range(8)
                            for store in (here, there)
                        )
                    )
                    assert len(done) == 1
                    assert {type(error) for error in failed} == {WrongExpectedVersion}

    @with_places
    async def test_ids_and_conditions_hold_across(self, open_store: OpenStore) -> None:
        async with await open_store("main") as here:
            require(here, lambda can: can.shared, "shared")
            async with await open_store("main") as there:
                first = await here.append(Write("a", [counted(1, "x")]), id="once")
                again = await there.append(Write("a", [counted(1, "x")]), id="once")
                assert (again.repeated, again.first) == (True, first.first)
                condition = Condition(query("conformance.counted", tags=["x"]), 0)
                _, failed = await race(there.append(Write("b", [counted(2, "x")]), condition=condition))
                assert {type(error) for error in failed} == {ConditionFailed}

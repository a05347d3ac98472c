"""Lanes, against what they say of themselves, on a manual clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import moving

from headwater.clock import ManualClock
from headwater.flow.lanes import Lanes
from headwater.flow.tracker import Tracker
from headwater.testing.running import asynchronous, run


class Item(NamedTuple):
    """One of a key: how often it rests, and how many turns of the loop each of its calls takes."""

    number: int
    key: str | None
    rests: int
    turns: int


@asynccontextmanager
async def running(lanes: Lanes[Any]) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(lanes.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


class Journal:
    """Does the work, and complains when it is asked for what must not be."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self.inside: list[Item] = []
        self.calls: dict[int, int] = {}
        self.order: dict[str, list[int]] = {}
        self.finished: list[int] = []
        self.dropped: set[int] = set()
        self.tracker = Tracker()

    async def work(self, item: Item) -> float | None:
        assert item.key is None or item.key not in {each.key for each in self.inside}, "two of one key at once"
        assert item.number not in self.dropped, "it was dropped before"
        self.inside.append(item)
        try:
            assert len(self.inside) <= self.concurrency
            for _ in range(item.turns):
                await asyncio.sleep(0)
        finally:
            self.inside.remove(item)
        self.calls[item.number] = self.calls.get(item.number, 0) + 1
        if item.key is not None:
            self.order.setdefault(item.key, []).append(item.number)
        if self.calls[item.number] <= item.rests:
            return 0.5 * (item.number % 3)
        self.finished.append(item.number)
        self.tracker.done(item.number)
        return None

    def meant(self, number: int) -> Any:
        def judge(item: Item) -> bool:
            if item.number % 5 != number:
                return False
            self.dropped.add(item.number)
            return True

        return judge

    def check(self, items: list[Item]) -> None:
        """Once nothing is open any more."""
        for numbers in self.order.values():
            assert all(first <= second for first, second in pairwise(numbers)), "in order, tried again in its place"
        assert len(set(self.finished)) == len(self.finished), "none twice"
        assert set(self.finished) | self.dropped == {item.number for item in items}
        for item in items:
            if item.number not in self.dropped:
                assert self.calls[item.number] == item.rests + 1


ITEM = st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 2), st.integers(0, 3))
STEP = st.tuples(st.sampled_from(["turn", "turn", "time", "drop", "stop"]), st.integers(0, 4))


@settings(max_examples=120)
@given(st.lists(ITEM, max_size=25), st.lists(STEP, max_size=25), st.integers(1, 3), st.integers(1, 12))
def test_in_order_for_each_key_each_once_within_bounds(
    wanted: list[tuple[str | None, int, int]], steps: list[tuple[str, int]], concurrency: int, capacity: int
) -> None:
    async def main() -> None:
        clock, journal = ManualClock(), Journal(concurrency)
        lanes: Lanes[Item] = Lanes(journal.work, concurrency=concurrency, capacity=capacity, clock=clock)
        items = [Item(number, *each) for number, each in enumerate(wanted)]
        task = asyncio.create_task(lanes.run())

        async def put() -> None:
            for item in items:
                journal.tracker.add(item.number)
                await lanes.put(item.key, item)

        def look() -> None:
            unfinished = {item.number for item in items} - set(journal.finished)
            assert journal.tracker.prefix <= min(unfinished, default=len(items))
            assert lanes.open <= capacity
            statistics = lanes.statistics
            assert statistics.waiting >= 0
            assert statistics.waiting + statistics.resting <= lanes.open <= sum(statistics[:3]) + 1

        putting = asyncio.create_task(put())
        for action, argument in steps:
            if action == "time":
                clock.advance(0.3 * argument)
            elif action == "drop":
                before = len(journal.dropped)
                assert lanes.drop(journal.meant(argument)) == len(journal.dropped) - before
            elif action == "stop":
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert not journal.inside
                task = asyncio.create_task(lanes.run())
            await asyncio.sleep(0)
            look()
        async with moving(clock, 0.25):
            await putting
            assert await lanes.drain(1_000.0)
        look()
        assert lanes.statistics[:3] == (0, 0, 0)
        assert not any(lanes.holds(key) for key in "abc")
        journal.check(items)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(main())


@asynchronous
async def test_a_key_that_rests_takes_no_place() -> None:
    clock, done = ManualClock(), list[str]()

    async def work(key: str) -> float | None:
        if key == "bad" and "good" not in done:
            return 1.0
        done.append(key)
        return None

    lanes: Lanes[str] = Lanes(work, concurrency=1, clock=clock)
    async with running(lanes):
        await lanes.put("bad", "bad")
        await lanes.put("good", "good")
        await until(lambda: "good" in done)
        assert lanes.statistics.resting == 1
        assert lanes.holds("bad")
        async with moving(clock, 0.5):
            await until(lambda: "bad" in done)
            assert await lanes.drain(1.0)


@asynchronous
async def test_rests_end_at_their_time_whichever_began_first() -> None:
    clock, done = ManualClock(), list[tuple[float, float]]()
    rested: set[float] = set()

    async def work(seconds: float) -> float | None:
        if seconds not in rested:
            rested.add(seconds)
            return seconds
        done.append((seconds, clock.monotonic()))
        return None

    lanes: Lanes[float] = Lanes(work, clock=clock)
    async with running(lanes):
        for seconds in (4.0, 1.0, 3.0, 2.0):
            await lanes.put(seconds, seconds)
            await until(lambda s=seconds: s in rested)
        for _ in range(5):
            for _ in range(10):
                await asyncio.sleep(0)
            clock.advance(1.0)
        await until(lambda: len(done) == 4)
    assert done == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (4.0, 4.0)]


@asynchronous
async def test_keys_are_served_in_turn() -> None:
    done: list[str] = []

    async def work(item: str) -> None:
        await asyncio.sleep(0)
        done.append(item)

    lanes: Lanes[str] = Lanes(work, concurrency=1)
    for _ in range(20):
        await lanes.put("many", "many")
    await lanes.put("few", "few")
    async with running(lanes):
        assert await lanes.drain(5.0)
    assert done.index("few") == 1


@asynchronous
async def test_work_that_never_waits_lets_others_run() -> None:
    done = turns = 0

    async def work(item: int) -> None:
        nonlocal done
        done += 1

    async def other() -> None:
        nonlocal turns
        while done < 1_000:
            turns += 1
            await asyncio.sleep(0)

    lanes: Lanes[int] = Lanes(work, concurrency=2)
    for n in range(1_000):
        await lanes.put(n % 10, n)
    async with running(lanes):
        await other()
    assert turns > 20


@asynchronous
async def test_room_is_given_in_turn_and_cancelling_takes_none() -> None:
    gate, began = asyncio.Event(), list[int]()

    async def work(item: int) -> None:
        began.append(item)
        await gate.wait()

    lanes: Lanes[int] = Lanes(work, concurrency=10, capacity=2)
    assert lanes.try_put("a", 0)
    assert lanes.try_put("b", 1)
    assert not lanes.try_put("c", 9)
    puts = [asyncio.create_task(lanes.put(None, n)) for n in range(2, 6)]
    await asyncio.sleep(0)
    puts[1].cancel()
    async with running(lanes):
        await until(lambda: len(began) == 2)
        assert lanes.open == 2
        gate.set()
        await until(lambda: len(began) == 5)
        assert await lanes.drain(5.0)
    assert began == [0, 1, 2, 4, 5]
    await asyncio.gather(*puts, return_exceptions=True)


@asynchronous
async def test_what_is_dropped_while_it_runs_ends_alone() -> None:
    clock, gate, began = ManualClock(), asyncio.Event(), list[str]()

    async def work(item: str) -> float | None:
        began.append(item)
        await gate.wait()
        return 1.0

    lanes: Lanes[str] = Lanes(work, clock=clock)
    async with running(lanes):
        same = "same"
        await lanes.put("k", same)
        await until(lambda: began)
        assert lanes.drop(lambda item: item is same) == 1
        assert (lanes.open, lanes.statistics.running, lanes.holds("k")) == (0, 1, True)
        await lanes.put("k", same)  # the very object that runs still: it is another item
        for _ in range(5):
            await asyncio.sleep(0)
        assert began == ["same"], "one at a time"
        gate.set()
        await until(lambda: lanes.statistics.resting == 1)
        assert began == ["same", "same"]
        assert lanes.drop(lambda item: True) == 1
        assert await lanes.drain(1.0)


@asynchronous
async def test_draining_has_its_time() -> None:
    clock = ManualClock()

    async def hang(item: int) -> None:
        await asyncio.Event().wait()

    lanes: Lanes[int] = Lanes(hang, clock=clock)
    assert await lanes.drain(0.0)
    async with running(lanes), moving(clock, 0.5):
        await lanes.put("k", 1)
        assert not await lanes.drain(3.0)
        assert clock.monotonic() >= 3.0
        assert lanes.drop(lambda _: True) == 1
        assert not await lanes.drain(3.0), "it runs still"


@asynchronous
async def test_what_work_raises_ends_it() -> None:
    async def fail(item: int) -> None:
        raise RuntimeError("out")

    lanes: Lanes[int] = Lanes(fail)
    await lanes.put("k", 1)
    with pytest.raises(ExceptionGroup) as failed:
        await lanes.run()
    assert failed.group_contains(RuntimeError, match="out")
    assert lanes.open == 1
    with contextlib.suppress(ExceptionGroup):
        await lanes.run()
    assert lanes.open == 1, "it is begun again"

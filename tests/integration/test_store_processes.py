"""Several processes on one file: one total order, no loss, and waking each other."""

import asyncio
import statistics
import time
from contextlib import ExitStack, aclosing
from pathlib import Path

from store_processes import Worker, next_line, report, tell, worker

from headwater.adapters.sqlite.store import SqliteStore
from headwater.messages import Envelope
from headwater.store.subscription import subscribe
from headwater.testing.running import asynchronous


@asynchronous(seconds=60)
async def test_all_that_several_processes_append_is_there_once_in_one_order(tmp_path: Path) -> None:
    path, names, count = str(tmp_path / "store.db"), ["one", "two", "three"], 150
    async with await SqliteStore.open(path) as store:
        with ExitStack() as stack:
            workers = [stack.enter_context(worker("append", path, name, count)) for name in names]
            live = await _follow(store, count * len(names))
            acknowledged = [line.split() for each in workers for line in report(each)]
        page = await store.read(limit=10_000)
        assert live == list(page.events), "whoever follows sees what is there in the end"
        assert len(acknowledged) == len(live) == count * len(names)
        assert sorted(int(position) for _, position in acknowledged) == [event.position for event in live]
        for name in names:
            versions = [event.stream_version for event in live if event.stream == name]
            assert versions == list(range(1, count + 1))
        for id, position in acknowledged:
            found = await store.find_append(id)
            assert found
            assert found.first == int(position)


async def _follow(store: SqliteStore, count: int) -> list[Envelope]:
    seen: list[Envelope] = []
    async with aclosing(subscribe(store, limit=50)) as pages:
        while len(seen) < count:
            seen += (await anext(pages)).events
    return seen


@asynchronous(seconds=60)
async def test_expected_versions_hold_across_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    async with await SqliteStore.open(path) as store:
        with ExitStack() as stack:
            workers = [stack.enter_context(worker("count_up", path, 60)) for _ in range(3)]
            conflicts = [int(report(each)[0]) for each in workers]
        events = await store.read_stream("counter")
        assert [event.data for event in events] == [b'{"n":%d,"pad":""}' % n for n in range(180)]
        print(f"conflicts: {conflicts}")


def test_several_processes_may_create_one_store_at_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(worker("open_when_told", f"w{n}")) for n in range(4)]
        assert {next_line(each) for each in workers} == {"ready"}
        for round in range(25):
            for each in workers:
                tell(each, str(tmp_path / f"{round}.db"))
            assert [next_line(each) for each in workers] == ["done"] * 4, f"round {round}"


@asynchronous(seconds=60)
async def test_an_append_wakes_other_processes_within_50_ms(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    async with await SqliteStore.open(path) as store:
        with worker("append_when_told", path) as other:
            next_line(other)
            latencies = [await _wake(store, other) for _ in range(30)]
    median, worst = statistics.median(latencies), max(latencies)
    print(f"woken after {median * 1000:.1f} ms (median), {worst * 1000:.1f} ms (worst)")
    assert median < 0.05


async def _wake(store: SqliteStore, other: Worker) -> float:
    head = await store.head()
    tell(other, "go")
    assert await store.wait(head, timeout=20) == head + 1
    woken = time.monotonic()
    return woken - float(next_line(other))


def test_waiting_costs_next_to_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    with worker("wait_idly", path) as other:
        share = float(report(other)[0])
    print(f"an idle waiter takes {share:.2%} of a processor")
    assert share < 0.03


@asynchronous
async def test_waiting_ends_with_the_last_who_waits(tmp_path: Path) -> None:
    async with await SqliteStore.open(str(tmp_path / "store.db")) as store:
        await store.wait(0, timeout=0.05)
        watching = [task for task in asyncio.all_tasks() if "watch" in task.get_name()]
        assert watching
        await asyncio.wait(watching)

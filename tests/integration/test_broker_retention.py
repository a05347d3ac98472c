"""What a broker forgets, and when: records by their age, ids by the window, removed topics bit by bit."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.clock import ManualClock
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.memory import MemoryBroker
from headwater.streaming.port import Broker
from headwater.testing.running import asynchronous
from headwater.testing.streaming.harness import after, fetch, numbered, numbers, partition, standing

Open = Callable[[ManualClock], Awaitable[Broker]]


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    async def opened(clock: ManualClock) -> Broker:
        if request.param == "memory":
            return MemoryBroker(clock=clock)
        return await SqliteBroker.open(str(tmp_path / "broker.db"), clock=clock)

    return opened


@asynchronous
async def test_records_go_when_they_are_too_old(opened: Open) -> None:
    clock = ManualClock()
    async with await opened(clock) as broker:
        await broker.create_topic(Topic("t", (), 1, max_age=timedelta(hours=1)))
        await broker.publish("t", numbered(10))
        clock.advance(1800)
        await broker.publish("t", numbered(10, start=10))
        assert numbers(await partition(broker, "t", 0)) == list(range(20))
        clock.advance(1801)
        await broker.publish("t", numbered(1, start=20))
        assert numbers(await partition(broker, "t", 0)) == list(range(10, 21))
        clock.advance(10_000)
        await broker.publish("t", numbered(1, start=21))
        assert numbers(await partition(broker, "t", 0)) == [21]
        assert await broker.ends("t") == {0: (21, 22)}


@asynchronous
async def test_an_id_is_noticed_within_the_window_and_forgotten_behind_it(opened: Open) -> None:
    clock = ManualClock()
    async with await opened(clock) as broker:
        await broker.create_topic(Topic("t", (), 2))
        new = numbered(300, keys=7, ids=True)
        first = await broker.publish("t", new)
        clock.advance(broker.capabilities.deduplicates - 1)
        assert all(place.repeated for place in await broker.publish("t", new))
        clock.advance(2)
        for _ in range(3):  # a little is forgotten each time
            await broker.publish("t", numbered(1, ids=True))
        again = await broker.publish("t", new)
        assert not any(place.repeated for place in again)
        assert [place.partition for place in again] == [place.partition for place in first]


@asynchronous
async def test_size_is_counted_exactly_whatever_comes_and_goes(opened: Open) -> None:
    clock = ManualClock()
    async with await opened(clock) as broker:
        await broker.create_topic(Topic("t", (), 1, max_age=timedelta(hours=1), max_bytes=1000))
        kept: list[bytes] = []
        for n in range(200):
            values = [b"%d" % n * (1 + (n * k) % 40) for k in range(1 + n % 5)]
            await broker.publish("t", [NewRecord(value) for value in values])
            kept += values
            while sum(map(len, kept)) > 1000:
                kept.pop(0)
            assert [record.value for record in await partition(broker, "t", 0)] == kept
            if n % 50 == 49:
                clock.advance(3601)
                kept = []


@asynchronous
async def test_the_last_record_stays_however_large(opened: Open) -> None:
    async with await opened(ManualClock()) as broker:
        await broker.create_topic(Topic("t", (), 1, max_bytes=10))
        for n in range(5):
            await broker.publish("t", [NewRecord(b"%050d" % n)])
        assert numbers(await partition(broker, "t", 0)) == [4]


@asynchronous
async def test_a_group_that_was_left_behind_counts_what_is_there(opened: Open) -> None:
    clock = ManualClock()
    async with await opened(clock) as broker:
        await broker.create_topic(Topic("t", (), 1, max_age=timedelta(hours=1)))
        member = await broker.join("t", "workers")
        await broker.publish("t", numbered(10))
        found = await fetch(member, 10)
        await member.commit(after(found[:2]))
        clock.advance(3601)
        await broker.publish("t", numbered(5, start=10))
        assert (await standing(broker, "t", "workers")).records == 5


@asynchronous
async def test_a_removed_topic_makes_room_bit_by_bit(tmp_path: Path) -> None:
    path = str(tmp_path / "broker.db")
    async with await SqliteBroker.open(path) as broker:
        await broker.create_topic(Topic("old", (), 3))
        await broker.create_topic(Topic("new", (), 1))
        for n in range(150):
            await broker.publish("old", numbered(3, start=n))
        await broker.remove_topic("old")
        chunks = broker.connection.execute("SELECT count(*) FROM chunk").get
        assert 0 < chunks < 450, "a part at once"
        for _ in range(10):
            await broker.publish("new", numbered(1))
        assert broker.connection.execute("SELECT count(*) FROM chunk").get == 10
        assert broker.connection.execute("SELECT count(*) FROM lane").get == 1


@asynchronous
async def test_large_batches_are_cut_and_small_ones_are_not(tmp_path: Path) -> None:
    async with await SqliteBroker.open(str(tmp_path / "broker.db")) as broker:
        await broker.create_topic(Topic("t", (), 1))
        await broker.publish("t", [NewRecord(bytes(100_000)) for _ in range(10)])
        await broker.publish("t", numbered(1200))
        await broker.publish("t", numbered(3))
        counts = [count for (count,) in broker.connection.execute("SELECT count FROM chunk ORDER BY place")]
        assert counts == [3, 3, 3, 1, 500, 500, 200, 3]
        assert len(await partition(broker, "t", 0, limit=7)) == 1213

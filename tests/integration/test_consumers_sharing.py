"""Consumers that share partitions: what was begun when a partition is taken away has no effect afterwards; clocks that
jump and databases that are away lose nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from clicks import Clicked, Spoiled, app_of, click, counted, counting, hits, letters, until

from headwater import Consumer, Runtime, Topic
from headwater.app import Stores, open_stores
from headwater.clock import ManualClock
from headwater.codec import EventCatalog
from headwater.delivery.consumer import ConsumerRunner
from headwater.delivery.mapping import event_record
from headwater.errors import StoreUnavailable
from headwater.fold import Statement
from headwater.messages import Record
from headwater.streaming.memory import MemoryBroker
from headwater.streaming.memory_group import MemoryMember
from headwater.streaming.port import DRAIN
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

CATALOG = EventCatalog([Clicked])


class Place:
    """A store and a broker for several runners of one consumer."""

    def __init__(self, stores: Stores, broker: MemoryBroker, clock: ManualClock) -> None:
        self.stores, self.broker, self.clock = stores, broker, clock
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, consumer: Consumer[Any]) -> asyncio.Task[None]:
        events, kept = self.stores.events, self.stores.delivery
        runner = ConsumerRunner(consumer, self.broker, events, kept, CATALOG, _no_commands, self.clock)
        self.tasks.append(asyncio.get_running_loop().create_task(runner.run()))
        return self.tasks[-1]

    async def publish(self, *pages: str, start: int = 0) -> None:
        encoded = [(page, CATALOG.encode(Clicked(page, n))) for n, page in enumerate(pages, start)]
        await self.broker.publish("clicks", [event_record(each, page, "test", 1) for page, each in encoded])

    async def told(self) -> dict[str, str]:
        if "hits" not in await self.stores.views.names():
            return {}
        rows = await self.stores.views.select("SELECT page, told FROM hits", ())
        return {row["page"]: row["told"].rstrip(",") for row in rows}

    async def owners(self) -> dict[int, str]:
        (group,) = await self.broker.groups("clicks")
        return {lag.partition: lag.member for lag in group.lags}


async def _no_commands(command: object, /, *, id: str, metadata: object) -> Any:
    raise AssertionError("nothing follows")


@asynccontextmanager
async def place(partitions: int = 1) -> AsyncIterator[Place]:
    clock = ManualClock()
    stores, broker = await open_stores("memory:", clock=clock), MemoryBroker(clock=clock)
    await broker.create_topic(Topic("clicks", partitions=partitions))
    made = Place(stores, broker, clock)
    try:
        yield made
    finally:
        for task in made.tasks:
            task.cancel()
        await asyncio.gather(*made.tasks, return_exceptions=True)
        await broker.close()
        await stores.views.close()
        await stores.events.close()


def blocking(gate: asyncio.Event, entered: Callable[[], None]) -> Consumer[Any]:
    async def wait(happened: Clicked) -> list[Statement]:
        entered()
        await gate.wait()
        return counted(happened)

    return counting(wait, timeout=1e9)


@asynchronous
async def test_a_late_completion_has_no_effect_after_the_partition_went() -> None:
    async with place(2) as there:
        entered = 0

        def enter() -> None:
            nonlocal entered
            entered += 1

        gate = asyncio.Event()
        there.start(blocking(gate, enter))
        await there.publish(*"abcd")
        await until(lambda: entered == 4)
        there.start(counting())  # it is to have one of the two, which the first cannot hand over in time
        await until(lambda: _owners(there, 2), there.clock)
        there.clock.advance(DRAIN)
        await until(lambda: _told(there, 1), there.clock)
        before = await there.told()
        gate.set()
        await until(lambda: _told(there, 4), there.clock)
        told = await there.told()
        assert sorted(told.values()) == ["0", "1", "2", "3"]
        assert before.items() <= told.items()


async def _owners(there: Place, number: int) -> bool:
    return len(set((await there.owners()).values()) - {""}) == number


async def _told(there: Place, number: int) -> bool:
    return len(await there.told()) >= number


@asynchronous
async def test_who_comes_later_has_the_claim_and_the_earlier_one_no_effect() -> None:
    async with place() as there:
        gate, entered = asyncio.Event(), asyncio.Event()
        there.start(blocking(gate, entered.set))
        await there.publish("home")
        await entered.wait()
        await there.stores.delivery.claim("hits", "clicks", 0)  # a runner that the broker knows nothing of
        entered.clear()
        gate.set()
        await until(entered.is_set, there.clock)  # its effect was refused: it claims anew, and works it off again
        await until(lambda: _told(there, 1), there.clock)
        assert await there.told() == {"home": "0"}


@asynchronous
async def test_a_handler_that_runs_when_the_runner_stops_is_waited_for() -> None:
    async with place() as there:
        gate, entered = asyncio.Event(), asyncio.Event()
        task = there.start(blocking(gate, entered.set))
        await there.publish("home", "shop")
        await entered.wait()
        task.cancel()
        gate.set()
        await asyncio.gather(task, return_exceptions=True)
        assert await there.told() == {"home": "0", "shop": "1"}
        (group,) = await there.broker.groups("clicks")
        assert group.records == 0


@asynchronous
async def test_a_clock_that_jumps_changes_nothing() -> None:
    """The time of day goes back a year, then forth two; what measures waits is another clock."""
    async with place(2) as there:
        spoiled = Spoiled(1, 2, times=2)
        there.start(counting(spoiled))
        await there.publish("home", "home", "shop")
        for year in (-1, 2, -1):
            there.clock._now += year * 365 * 86_400_000_000
            await there.publish("home", "shop", start=10 * (year + 2))
            there.clock.advance(0.2)
        await until(lambda: _all_told(there, 9), there.clock)
        told = await there.told()
        assert told["home"].split(",")[:2] == ["0", "1"]


async def _all_told(there: Place, number: int) -> bool:
    return sum(len(numbers.split(",")) for numbers in (await there.told()).values()) == number


@asynchronous
async def test_a_backlog_is_held_in_bounds() -> None:
    """However much waits in the topic, so much is held as was declared, and what was published is all worked off."""
    async with place(2) as there:
        gate, entered = asyncio.Event(), asyncio.Event()

        async def wait(happened: Clicked) -> list[Statement]:
            entered.set()
            await gate.wait()
            return counted(happened)

        there.start(counting(wait, max_open=50, concurrency=4))
        await there.publish(*(f"p{n}" for n in range(600)))
        await entered.wait()
        runner = _runner(there.tasks[-1])
        for _ in range(200):
            await asyncio.sleep(0)
            there.clock.advance(0.05)
        assert sum(share.open for share in runner._shares.values()) <= 2 * 50
        gate.set()
        await until(lambda: _told(there, 600), there.clock)


@asynchronous
async def test_a_hand_over_that_is_called_off_begins_anew() -> None:
    """What was forgotten because another one was to have it comes again, when that one is gone before it had it."""
    async with place(2) as there:
        gate, entered = asyncio.Event(), list[int]()

        async def wait(happened: Clicked) -> list[Statement]:
            entered.append(happened.n)
            await gate.wait()
            return counted(happened)

        there.start(counting(wait, timeout=1e9, concurrency=4))
        await there.publish(*(f"p{n % 4}" for n in range(40)))
        await until(lambda: len(entered) == 4, there.clock)
        runner = _runner(there.tasks[-1])
        other = await there.broker.join("clicks", "hits")
        await until(lambda: any(share.dropped for share in runner._shares.values()), there.clock)
        await other.leave()
        gate.set()
        await until(lambda: _counted(there, 40), there.clock)


async def _counted(there: Place, number: int) -> bool:
    return sum(len(numbers.split(",")) for numbers in (await there.told()).values()) == number


@asynchronous
async def test_what_is_held_back_is_resumed_though_nothing_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has piled up is worked off and seen to while the broker gives nothing."""
    fetch, refused = MemoryMember.fetch, 0

    async def refuse(self: MemoryMember, limit: int, *, timeout: float) -> list[Record]:
        nonlocal refused
        if timeout == 0:  # something is held back
            refused += 1
            raise StoreUnavailable("memory:", "as it happens")
        return await fetch(self, limit, timeout=timeout)

    monkeypatch.setattr(MemoryMember, "fetch", refuse)
    async with place() as there:
        gate = asyncio.Event()

        async def wait(happened: Clicked) -> list[Statement]:
            await gate.wait()
            return counted(happened)

        there.start(counting(wait, max_open=10, concurrency=4))
        await there.publish(*(f"p{n}" for n in range(40)))
        await until(lambda: _true(refused > 0), there.clock)
        gate.set()
        await until(lambda: _told(there, 40), there.clock)


async def _true(value: bool) -> bool:
    return value


def _runner(task: asyncio.Task[None]) -> ConsumerRunner:
    runner = task.get_coro().cr_frame.f_locals["self"]  # type: ignore[union-attr]
    assert isinstance(runner, ConsumerRunner)
    return runner


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@asynchronous(seconds=150)
async def test_the_database_of_the_inbox_goes_away(own_postgres: PostgresServer) -> None:
    """Records that are being worked off while the database is away are not to blame: none comes to the dead letters."""
    url = f"{own_postgres.url()}?schema=inbox"
    spoiled = Spoiled()
    async with Runtime.open(app_of(counting(spoiled, attempts=1)), url, broker="memory:") as runtime:
        await click(runtime, *("abc" * 10))
        await until(lambda: _runtime_told(runtime, 30), within=40)
        own_postgres.kill()
        await click(runtime, *("abc" * 10), start=30)
        await until(lambda: len(spoiled.given) >= 31, within=40)
        own_postgres.start()
        await until(lambda: _runtime_told(runtime, 60), within=40)
        assert (await hits(runtime))["a"] == ",".join(str(n) for n in range(0, 60, 3))
        assert not await letters(runtime)


async def _runtime_told(runtime: Runtime, number: int) -> bool:
    return sum(told.count(",") + 1 for told in (await hits(runtime)).values()) == number

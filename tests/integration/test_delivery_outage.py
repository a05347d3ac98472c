"""The database of the inbox goes away and comes back: calls say so, nothing is half-written, and work goes on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import count

import pytest

from headwater.adapters.postgres.delivery import PostgresDelivery
from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.postgres.views import PostgresViews
from headwater.delivery.port import Attempt, Claim, Letter, Letters, Settled, Wish
from headwater.errors import StoreUnavailable
from headwater.store.outage import Outage
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

COUNT_UP = "INSERT INTO {counted} AS t VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + 1"
PARTITIONS = 4
BETWEEN = 20  # records that are settled between two faults
CUTS = 5
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'headwater%'"

NewSchema = Callable[[PostgresServer], str]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of its own for each test: it ends with the thread that has started it."""
    with postgres_server() as started:
        yield started


class Work:
    """Settles records, some by way of the dead letters, each again until it knows that it is done."""

    def __init__(self, kept: PostgresDelivery, names: Mapping[str, str]) -> None:
        self.kept, self.names = kept, names
        self.done: list[str] = []
        self.refused = 0
        self._moved = asyncio.Event()

    async def run(self, claim: Claim) -> None:
        for number in count():
            id = f"{claim.partition}-{number}"
            while not await self._settled(claim, id, number):
                self._moved.set()
            self.done.append(id)
            self._moved.set()

    async def _settled(self, claim: Claim, id: str, number: int) -> bool:
        statements = [(COUNT_UP, (id,)), (COUNT_UP, (f"second {id}",))]
        try:
            if number % 3:
                await self.kept.settle([Settled(claim, id, statements)], self.names)
            else:
                attempts = (Attempt("ValueError", "no", 0, 0.0),)
                letter = Letter("mail", "orders", claim.partition, number, id, "k", b"", attempts=attempts)
                await self.kept.rest(claim, letter)
                await self.kept.redriven(claim, id, statements, self.names, behind=True)
        except StoreUnavailable:
            self.refused += 1
            return False
        return True

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await self._moved.wait()

    async def goes_on(self) -> None:
        enough = len(self.done) + BETWEEN
        await self.until(lambda: len(self.done) >= enough)


async def check(work: Work, views: PostgresViews) -> None:
    """Whatever was settled, acknowledged or not, counts once, with both of its statements; nothing is left over."""
    counted = dict(await views.select("SELECT id, n FROM counted", (), names=False))
    assert set(counted.values()) == {1}
    ids = {id.removeprefix("second ") for id in counted}
    assert counted.keys() == ids | {f"second {id}" for id in ids}
    assert ids >= set(work.done)
    assert len(ids) <= len(work.done) + PARTITIONS
    assert await work.kept.settled("mail", "orders", [*ids, "never"]) >= ids
    assert len(await work.kept.letters(Letters())) <= PARTITIONS


@asynchronous(seconds=60)
async def test_it_goes_on_after_restarts_crashes_and_cut_connections(
    server: PostgresServer, new_schema: NewSchema
) -> None:
    async with await PostgresStore.open(new_schema(server), patience=1.0) as store:
        kept = PostgresDelivery(store)
        names = await kept.prepare("mail", {"counted": "id TEXT PRIMARY KEY, n INTEGER NOT NULL"})
        work = Work(kept, names)
        claims = [await kept.claim("mail", "orders", partition) for partition in range(PARTITIONS)]
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(work.run(claim)) for claim in claims]
            await work.goes_on()
            for end in (server.stop, server.kill):
                await asyncio.to_thread(end)
                enough = work.refused + PARTITIONS
                await work.until(lambda enough=enough: work.refused >= enough)
                await asyncio.to_thread(server.start)
                await work.goes_on()
            for _ in range(CUTS):
                await asyncio.to_thread(server.execute, CUT)
                await work.goes_on()
            for each in workers:
                each.cancel()
        await check(work, PostgresViews(store))


@asynchronous(seconds=60)
async def test_every_call_says_that_the_store_is_away(server: PostgresServer, new_schema: NewSchema) -> None:
    async with await PostgresStore.open(new_schema(server), patience=1.0) as store:
        kept = PostgresDelivery(store)
        claim = await kept.claim("mail", "orders", 0)
        letter = Letter("mail", "orders", 0, 1, "a", None, b"")
        await asyncio.to_thread(server.stop)
        for call in (
            lambda: kept.claim("mail", "orders", 0),
            lambda: kept.settled("mail", "orders", ["a"]),
            lambda: kept.settle([Settled(claim, "a")], {}),
            lambda: kept.settle([Settled(claim, "a", [("SELECT 1", ())])], {}),
            lambda: kept.forget("mail", "orders", 1),
            lambda: kept.prepare("mail", {"t": "n INTEGER"}),
            lambda: kept.blocked("mail", "orders", 0),
            lambda: kept.rest(claim, letter),
            lambda: kept.due([claim], 1),
            lambda: kept.redriven(claim, "a", (), {}, behind=True),
            lambda: kept.letters(Letters()),
            lambda: kept.counts(),
            lambda: kept.ask(Letters(), Wish.REDRIVE, 0),
            lambda: kept.take_relay("orders"),
            lambda: kept.move_relay("orders", 1, 1),
            lambda: kept.relays(),
        ):
            with pytest.raises(StoreUnavailable):
                await call()
        await asyncio.to_thread(server.start)
        back = Outage("the test")
        await back.outlive(lambda: kept.settle([Settled(claim, "a")], {}))
        assert await back.outlive(lambda: kept.settled("mail", "orders", ["a", "b"])) == {"a"}

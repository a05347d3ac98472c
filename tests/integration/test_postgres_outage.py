"""A server that goes away and comes back: the runtime outlives it, whatever it was doing, and nothing counts twice."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from bank import Deposit, Deposited, accounts, as_rows, balances, expected, inline_balances

from headwater import App, Reaction, Runtime, Schedule
from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import AcknowledgementLost, StoreUnavailable
from headwater.http import http_app
from headwater.http.problems import problem_of
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous
from headwater.views import runner

CLIENTS = 6
BETWEEN = 30  # acknowledgements between two faults
CUTS = 6
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'headwater%'"
WORKERS = {"views", "inline views", "reaction follow", "timers"}

NewSchema = Callable[[PostgresServer], str]


def follow(happened: Deposited) -> list[Any]:
    """A client's penny is followed by 10p at once, that of every fourth by 100p that a timer brings."""
    if happened.pence != 1:
        return []
    name = happened.account
    later = Schedule(f"later-{name}", Deposit(f"later-{name}", 100), after=timedelta())
    return [Deposit(f"now-{name}", 10), *([later] if timed(name) else [])]


def timed(name: str) -> bool:
    return int(name.partition("-")[2]) % 4 == 0


app = App("bank", deciders=[accounts], views=[balances, inline_balances], reactions=[Reaction("follow", follow)])


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of its own for each test: it ends with the thread that has started it."""
    with postgres_server(settings={"wal_writer_delay": "10s"}) as started:
        yield started


class Load:
    """Clients who pay a penny into another account each time, and note what is acknowledged."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.acknowledged: list[str] = []
        self.refused = 0
        self._moved = asyncio.Event()

    async def client(self, client: int) -> None:
        for name in (f"{client}-{number}" for number in count()):
            try:
                await self.runtime.execute(Deposit(name, 1), id=name)
                self.acknowledged.append(name)
            except StoreUnavailable:
                self.refused += 1
            self._moved.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await self._moved.wait()

    async def goes_on(self) -> None:
        """Wait until a number of commands more are acknowledged."""
        enough = len(self.acknowledged) + BETWEEN
        await self.until(lambda: len(self.acknowledged) >= enough)

    async def check(self) -> None:
        """What was acknowledged counts once in both views, and so does what followed from it."""
        there = await expected(self.runtime.store)
        for view in (balances, inline_balances):
            assert as_rows(await self.runtime.find(view, limit=1_000_000)) == there
        for name in self.acknowledged:
            assert (there[name], there[f"now-{name}"]) == ((None, 1, 1), (None, 10, 1))
            assert not timed(name) or there[f"later-{name}"] == (None, 100, 1)


@asynccontextmanager
async def under_load(place: str) -> AsyncIterator[Load]:
    """A runtime and its load; at the end it must still be at work, and all must be as it should."""
    async with Runtime.open(app, place) as runtime:
        load = Load(runtime)
        async with asyncio.TaskGroup() as group:
            clients = [group.create_task(load.client(number)) for number in range(CLIENTS)]
            await load.goes_on()
            yield load
            await load.goes_on()
            for each in clients:
                each.cancel()
        await runtime.idle()
        await load.check()


@asynchronous(seconds=60)
async def test_it_outlives_restarts_crashes_and_cut_connections(server: PostgresServer, new_schema: NewSchema) -> None:
    async with under_load(new_schema(server)) as load:
        for end in (server.stop, server.kill):
            await asyncio.to_thread(end)
            await asyncio.to_thread(server.start)
            await load.goes_on()
        for _ in range(CUTS):
            await asyncio.to_thread(server.execute, CUT)
            await load.goes_on()


@asynchronous(seconds=60)
async def test_it_outlives_an_outage_that_nobody_has_the_patience_for(
    server: PostgresServer, new_schema: NewSchema, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(PostgresStore.open.__func__.__kwdefaults__, "patience", 0.2)  # type: ignore[attr-defined]
    async with under_load(new_schema(server)) as load:
        await asyncio.to_thread(server.stop)
        await load.until(lambda: waiting(caplog).keys() >= WORKERS)
        told, enough = waiting(caplog), load.refused + 3 * CLIENTS
        await load.until(lambda: load.refused >= enough)
        assert waiting(caplog) == told, "each has said so once, however often it tries"
        await refused_over_http(load.runtime)
        await asyncio.to_thread(server.start)
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR and each.name != "headwater.http"]


def waiting(caplog: pytest.LogCaptureFixture) -> Counter[str]:
    """Who has said that they wait for the store, and how often."""
    return Counter(each.getMessage().partition(":")[0] for each in caplog.records if "waiting for" in each.msg)


async def refused_over_http(runtime: Runtime) -> None:
    """Over HTTP it is a 503 to come again."""
    transport = httpx.ASGITransport(http_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
        for answer in (
            await client.post("/commands/account.deposit", json={"account": "http", "pence": 1}),
            await client.get("/views/balances/0-0"),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["type"] == "urn:headwater:problem:store-unavailable"


def test_a_lost_acknowledgement_is_no_promise_over_http() -> None:
    made = problem_of(AcknowledgementLost("/secret"))
    assert (made.status, (b"retry-after", b"1") in made.headers) == (503, True)
    assert b"not known" in made.body
    assert b"secret" not in made.body


@asynchronous(seconds=60)
async def test_steps_of_a_view_that_a_crash_forgets_are_taken_again_without_a_new_event(
    server: PostgresServer, new_schema: NewSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view's steps are not synced (see wal_writer_delay), and a crash within the store's patience shows nowhere."""
    monkeypatch.setattr(runner, "LOOK_AGAIN", 0.05)
    async with Runtime.open(App("bank", deciders=[accounts], views=[balances]), new_schema(server)) as runtime:
        for number in range(20):
            await runtime.execute(Deposit(f"a{number}", 1))
            await runtime.idle()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await runtime.idle()
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)

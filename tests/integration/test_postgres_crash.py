"""Servers that end in the middle of appends: what was acknowledged is there, whole and once."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count

import pytest
from proxy import Proxy, proxy

from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import AcknowledgementLost, StoreError
from headwater.messages import Appended, NewEvent, Write
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

KILLS = 8
CLIENTS = 12
BETWEEN = 40  # acknowledgements between two kills


class Load:
    """Clients that append events of their own, each with an id, and note what is acknowledged."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.sent: dict[str, int] = {}
        """How many events each append has."""
        self.acknowledged: dict[str, Appended] = {}
        self.stop = asyncio.Event()
        self.moved = asyncio.Event()

    async def client(self, name: int) -> None:
        chosen, numbers = random.Random(name), count()
        while not self.stop.is_set():
            id = f"{name}-{next(numbers)}"
            events = [NewEvent("kept", json.dumps({"id": id}).encode())] * chosen.randint(1, 3)
            self.sent[id] = len(events)
            with suppress(StoreError):  # it may be there or not; nobody was told that it is
                self.acknowledged[id] = await self.store.append(Write(f"s-{chosen.randrange(50)}", events), id=id)
            self.moved.set()

    async def until(self, acknowledged: int) -> None:
        while len(self.acknowledged) < acknowledged:
            self.moved.clear()
            await self.moved.wait()


@asynchronous(seconds=120)
async def test_what_was_acknowledged_is_there_once() -> None:
    with postgres_server() as server:
        async with await PostgresStore.open(server.url(), patience=30) as store:
            load = Load(store)
            async with asyncio.TaskGroup() as group:
                for name in range(CLIENTS):
                    group.create_task(load.client(name))
                await crash(server, load)
                load.stop.set()
            await check(store, load)


async def crash(server: PostgresServer, load: Load) -> None:
    for _ in range(KILLS):
        await load.until(len(load.acknowledged) + BETWEEN)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)


async def check(store: PostgresStore, load: Load) -> None:
    there = Counter[str]()
    position = 0
    while (page := await store.read(after=position)).events:
        there.update(json.loads(event.data)["id"] for event in page.events)
        position = page.position
    repeated = sum(done.repeated for done in load.acknowledged.values())
    print(f"{len(load.acknowledged)} of {len(load.sent)} acknowledged over {KILLS} kills, {repeated} when repeated")
    assert there.keys() >= load.acknowledged.keys(), "lost"
    assert {id: load.sent[id] for id in there} == there, "each is there whole, once"
    for id, done in load.acknowledged.items():
        found = await store.find_append(id)
        assert found is not None
        assert (found.first, found.last, found.versions) == (done.first, done.last, done.versions)
    assert await store.check() == []


# -- an answer that never arrives


@asynccontextmanager
async def losing(answer_to: bytes, postgres: PostgresServer, place: str) -> AsyncIterator[tuple[PostgresStore, Proxy]]:
    """A store whose server does one thing that the store does not hear of."""
    async with (
        proxy(postgres.port, lose=answer_to) as between,
        await PostgresStore.open(place.replace(f":{postgres.port}/", f":{between.port}/")) as store,
    ):
        yield store, between


@pytest.fixture
def place(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(postgres)


@pytest.mark.parametrize("events", [1, 3])
@asynchronous
async def test_an_append_whose_answer_is_lost_is_found_by_its_id(
    events: int, postgres: PostgresServer, place: str
) -> None:
    async with losing(b"by its id", postgres, place) as (store, between):
        before = await store.append(Write("a", [NewEvent("kept", b"{}")]), id="one before")
        done = await store.append(Write("a", [NewEvent("kept", b"{}")] * events), id="by its id")
        assert between.lost == 1
        assert (before.repeated, done.repeated, done.versions) == (False, True, (1 + events,))
        positions = [event.position for event in await store.read_stream("a", after=1)]
        assert positions == list(range(done.first, done.last + 1))
        assert len(positions) == events


@asynchronous
async def test_an_append_without_an_id_whose_answer_is_lost_is_there_and_said_to_be_doubtful(
    postgres: PostgresServer, place: str
) -> None:
    async with losing(b'{"doubt":1}', postgres, place) as (store, between):
        await store.append(Write("a", [NewEvent("kept", b"{}")]))
        with pytest.raises(AcknowledgementLost):
            await store.append(Write("a", [NewEvent("kept", b'{"doubt":1}')]))
        assert between.lost == 1
        assert [event.data for event in await store.read_stream("a")] == [b"{}", b'{"doubt":1}']
        assert (await store.append(Write("a", [NewEvent("kept", b"{}")], expected=2))).versions == (3,)

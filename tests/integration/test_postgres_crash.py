"""kill -9 of the server, again and again under load: what was acknowledged is there, once."""

import asyncio
import json
import random
from collections import Counter
from itertools import count

from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import StoreError
from headwater.messages import Appended, NewEvent, Write
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

KILLS = 20
CLIENTS = 12
BETWEEN = 40  # acknowledgements between two kills


class Load:
    """Clients that append events of their own, each with an id, and note what is acknowledged."""

    def __init__(self, store: PostgresStore) -> None:
        self.store = store
        self.acknowledged: dict[str, Appended] = {}
        self.given_up = 0
        self.stop = asyncio.Event()
        self.moved = asyncio.Event()

    async def client(self, name: int) -> None:
        chosen, numbers = random.Random(name), count()
        while not self.stop.is_set():
            id = f"{name}-{next(numbers)}"
            events = [NewEvent("kept", json.dumps({"id": id}).encode())] * chosen.randint(1, 2)
            try:
                self.acknowledged[id] = await self.store.append(Write(f"s-{chosen.randrange(50)}", events), id=id)
            except StoreError:
                self.given_up += 1  # it may be there or not; nobody was told that it is
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
    print(f"{len(load.acknowledged)} appends acknowledged over {KILLS} kills, {load.given_up} given up")
    for id, done in load.acknowledged.items():
        found = await store.find_append(id)
        assert found is not None, "lost"
        assert (found.first, found.last, found.versions) == (done.first, done.last, done.versions)
        assert there[id] == (1 if done.first == done.last else there[id])
    assert all(n <= 2 for n in there.values()), "nothing is there twice"
    assert await store.check() == []

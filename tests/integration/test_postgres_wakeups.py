"""Waking others through LISTEN and NOTIFY: at once, and never before there is something to read."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest

from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.postgres.watch import SELDOM
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

NewSchema = Callable[[PostgresServer], str]
SOON = SELDOM / 4  # seconds; whoever is not woken looks after SELDOM only
AT_MOST = 5.0  # seconds
WRITE = Write("s", [NewEvent("happened", b"{}")])
OPEN_FOR = 0.1  # seconds: far longer than a wake-up takes


@asynchronous(seconds=60)
async def test_an_append_wakes_who_waits_by_another_store(postgres: PostgresServer, new_schema: NewSchema) -> None:
    url = new_schema(postgres)
    async with await PostgresStore.open(url) as here, await PostgresStore.open(url) as there:
        await latency(here, there)  # it may come before they listen, and they look when they begin to
        latencies = [await latency(here, there) for _ in range(9)]
    median, worst = statistics.median(latencies), max(latencies)
    print(f"woken after {median * 1000:.1f} ms (median), {worst * 1000:.1f} ms (worst)")
    assert median < SOON


async def latency(here: PostgresStore, there: PostgresStore) -> float:
    """For how long an append here is not noticed there."""
    now, head = asyncio.get_running_loop().time, await there.head()
    waiting = asyncio.create_task(there.wait(head, timeout=AT_MOST))
    await there.head()  # meanwhile the other one has looked, and waits
    done = await here.append(WRITE)
    appended = now()
    assert await waiting == done.last
    return now() - appended


@pytest.mark.parametrize("append", ["append_one", "append_group"])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
@asynchronous(seconds=60)
async def test_nobody_is_woken_before_there_is_something_to_read(
    postgres: PostgresServer, new_schema: NewSchema, append: str, ending: str
) -> None:
    """As long as somebody else's transaction keeps readers in front of it; and once that ends, at once."""
    url = new_schema(postgres)
    latencies = list[float]()
    async with await PostgresStore.open(url) as store, listening(url) as listener:
        await store.append(WRITE)
        assert await woken(listener, AT_MOST)
        for number in range(5):
            async with open_transaction(url, number) as blocking:
                before = await store.head()
                done = await store.append(WRITE, id=f"{number}" if append == "append_group" else "")
                assert not await woken(listener, OPEN_FOR)
                assert await store.head() == before < done.last
                await getattr(blocking, ending)()
                ended = asyncio.get_running_loop().time()
                assert await woken(listener, AT_MOST)
                latencies.append(asyncio.get_running_loop().time() - ended)
            assert await store.head() == done.last
    assert statistics.median(latencies) < SOON


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Somebody who hears what a store's readers hear."""
    database, _, schema = url.partition("?schema=")
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute(f"LISTEN headwater_{schema}".encode())
        yield connection


async def woken(listener: psycopg.AsyncConnection, seconds: float) -> bool:
    """Whether a wake-up comes within so many seconds."""
    return bool([each async for each in listener.notifies(timeout=seconds, stop_after=1)])


@asynccontextmanager
async def open_transaction(url: str, number: int) -> AsyncIterator[psycopg.AsyncConnection]:
    """One that has appended, and has not ended."""
    database, _, schema = url.partition("?schema=")
    async with await psycopg.AsyncConnection.connect(database) as connection:
        call = f"SELECT {schema}.append_one({number + 1}, 'other-{number}', -1, 0, 1, '{{}}', '')"
        await connection.execute(call.encode())
        yield connection

"""Behind pgbouncer in transaction mode: what the store declares, who is woken, what breaks."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg

from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.postgres.views import PostgresViews
from headwater.messages import NewEvent, Write
from headwater.store.port import Capabilities
from headwater.testing.running import asynchronous
from pooler import Pooler, Ways

EVENT = NewEvent("happened", b"{}")


@asynchronous
async def test_it_is_told_from_a_server(ways: Ways) -> None:
    async with await PostgresStore.open(ways.pooled) as pooled, await PostgresStore.open(ways.direct) as direct:
        assert pooled.capabilities == Capabilities(durable=True, shared=True, parallel=True, notified=False)
        assert direct.capabilities == Capabilities(durable=True, shared=True, parallel=True, notified=True)


# -- waking those who wait

APPENDER = """
import asyncio, sys, time
from headwater import NewEvent, Write, open_store

async def main():
    async with await open_store(sys.argv[1]) as store:
        print("ready", flush=True)
        for _ in sys.stdin:
            await store.append(Write("told", [NewEvent("happened", b"{}")]))
            print(time.monotonic(), flush=True)

asyncio.run(main())
"""


class Appender:
    """Another process, which appends when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout
        assert self.says() == "ready"

    def says(self) -> str:
        return self._out.readline().strip()

    def tell(self) -> None:
        self._in.write("go\n")
        self._in.flush()


@contextmanager
def appender(url: str) -> Iterator[Appender]:
    command = [sys.executable, "-c", APPENDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Appender(process)
        finally:
            process.kill()


async def woken_after(store: PostgresStore, other: Appender) -> float:
    head = await store.head()
    other.tell()
    assert await store.wait(head, timeout=15) == head + 1
    return time.monotonic() - float(other.says())


@asynchronous(seconds=60)
async def test_appends_of_another_process_are_found_by_looking(ways: Ways) -> None:
    async with await PostgresStore.open(ways.pooled) as store:
        with appender(ways.pooled) as other:
            latencies = [await woken_after(store, other) for _ in range(9)]
    print(f"woken after {statistics.median(latencies) * 1000:.1f} ms, at worst {max(latencies) * 1000:.1f} ms")
    assert statistics.median(latencies) < 0.1


@asynchronous
async def test_a_change_of_a_view_in_another_store_is_found_by_looking(ways: Ways) -> None:
    async with await PostgresStore.open(ways.pooled) as store, await PostgresStore.open(ways.pooled) as other:
        waiting = asyncio.create_task(PostgresViews(store).changed(15))
        await PostgresViews(other).write([])
        assert await waiting


@asynchronous
async def test_those_who_can_listen_are_told(ways: Ways) -> None:
    async with await PostgresStore.open(ways.pooled) as store, client(ways.direct) as connection:
        await connection.execute(f"LISTEN headwater_{ways.schema}".encode())
        await store.append(Write("a", [EVENT]))
        assert [told.channel async for told in connection.notifies(timeout=15, stop_after=1)]


@asynccontextmanager
async def client(url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Somebody who is no store; behind a pooler, one who prepares nothing."""
    address = url.partition("?")[0]
    async with await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=None) as connection:
        yield connection


# -- what breaks


@asynchronous(seconds=60)
async def test_a_pooler_that_is_killed_and_started_again(pgbouncer: Pooler, ways: Ways) -> None:
    async with await PostgresStore.open(ways.pooled) as store:
        await store.append(Write("a", [EVENT]))
        pgbouncer.kill()
        appending = asyncio.create_task(store.append(Write("a", [EVENT]), id="once"))
        reading = asyncio.create_task(store.read_stream("b"))
        await asyncio.sleep(0)
        pgbouncer.start()
        assert (await appending).versions == (2,)
        assert await reading == []
        assert len(await store.read_stream("a")) == 2


@asynchronous(seconds=60)
async def test_sessions_that_are_cut_behind_it(ways: Ways) -> None:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    async with await PostgresStore.open(ways.pooled) as store:
        for n in range(3):
            assert (await store.append(Write("a", [EVENT]), id=f"append-{n}")).versions == (n + 1,)
            assert await ways.fetch(cut, f"headwater {ways.schema}")
            assert len(await store.read_stream("a")) == n + 1

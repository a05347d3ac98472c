"""The fence on the real server: writers that overlap, roll back, stall and are killed, and readers beside them."""

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from writing import append

from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

SECONDS = 5.0
WRITERS = 6
STALL = 2.0  # seconds: a transaction that stays open

NewSchema = Callable[[PostgresServer], str]


@contextmanager
def writing(url: str, schema: str, seed: int) -> Iterator[Callable[[], None]]:
    """A client in a process of its own; a call kills it and starts another one."""
    script, processes = str(Path(__file__).parent / "writing.py"), list[subprocess.Popen[bytes]]()

    def begin() -> None:
        if processes:
            processes[-1].kill()
            processes[-1].wait()
        number = seed + 1000 * len(processes)
        processes.append(subprocess.Popen([sys.executable, script, url, schema, str(number)]))

    begin()
    try:
        yield begin
    finally:
        processes[-1].kill()
        processes[-1].wait()


def place(server: PostgresServer, new_schema: NewSchema) -> tuple[str, str, str]:
    """The address of a store, its database's, and its schema."""
    url = new_schema(server)
    return url, server.url(), url.rpartition("=")[2]


async def follow(url: str, seen: list[int], stop: asyncio.Event) -> None:
    """Read on behind the fence; after `stop`, up to the end."""
    async with await PostgresStore.open(url) as store:
        position, last = 0, False
        while not last:
            last = stop.is_set()
            page = await store.read(after=position, limit=500)
            while page.events:
                seen += [event.position for event in page.events]
                page = await store.read(after=page.position, limit=500)
            position = page.position
            await store.wait(position, timeout=0.01)


async def follow_naively(url: str, schema: str, seen: list[int], stop: asyncio.Event) -> None:
    """Read whatever there is after the last position seen."""
    sql = f"SELECT position FROM {schema}.event WHERE position > %s ORDER BY position".encode()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            rows = await (await connection.execute(sql, (seen[-1] if seen else 0,))).fetchall()
            seen += [position for (position,) in rows]


async def stall(url: str, schema: str) -> None:
    """One transaction that stays open for a while in the middle of it all."""
    with psycopg.connect(url) as connection:
        append(connection, schema, 2_000_000)
        await asyncio.sleep(STALL)


async def upset(restarts: list[Callable[[], None]], seconds: float) -> None:
    """Kill a client every now and then."""
    chosen, loop = random.Random(1), asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await asyncio.sleep(0.3)
        chosen.choice(restarts)()


@asynchronous(seconds=60)
async def test_no_reader_skips_but_the_naive_one(postgres: PostgresServer, new_schema: NewSchema) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        await store.append(Write("first", [NewEvent("soak", b"{}")]))  # gives the kind its number
    seen: list[list[int]] = [[], []]
    naive: list[int] = []
    stop, ended = asyncio.Event(), asyncio.Event()
    with ExitStack() as clients:
        restarts = [clients.enter_context(writing(database, schema, n)) for n in range(WRITERS)]
        async with asyncio.TaskGroup() as group:
            for each in seen:
                group.create_task(follow(url, each, ended))
            group.create_task(follow_naively(database, schema, naive, stop))
            group.create_task(stall(database, schema))
            await upset(restarts, SECONDS)
            stop.set()
            clients.close()
            await settled(database, schema)
            ended.set()
    with psycopg.connect(database) as connection:
        rows = connection.execute(f"SELECT position FROM {schema}.event ORDER BY position".encode()).fetchall()
    there = [position for (position,) in rows]
    skipped = {position for position in there if naive and position < naive[-1]} - set(naive)
    print(
        f"{len(there)} events, {there[-1] - len(there)} positions rolled back, the naive reader skipped {len(skipped)}"
    )
    assert len(there) > 500, "there was something to read"
    assert there[-1] > len(there), "something was rolled back"
    assert seen == [there, there]
    assert skipped, "the test can tell"


async def settled(database: str, schema: str) -> None:
    """Wait until the server has noticed that the killed clients are gone."""
    sql = f"SELECT count(*) FROM {schema}.held".encode()
    with psycopg.connect(database, autocommit=True) as connection:
        while (connection.execute(sql).fetchone() or (0,))[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def kept_open(url: str, schema: str) -> AsyncIterator[int]:
    """A transaction that has appended in a store and stays open; its process at the server."""
    async with await PostgresStore.open(f"{url}?schema={schema}") as store:
        await store.append(Write("first", [NewEvent("soak", b"{}")]))
    with psycopg.connect(url, application_name="somebody") as connection:
        append(connection, schema, 1)
        yield connection.info.backend_pid


@asynchronous
async def test_transactions_of_other_schemas_and_databases_stall_nobody(
    postgres: PostgresServer, new_schema: NewSchema
) -> None:
    url, database, _ = place(postgres, new_schema)
    elsewhere = postgres.create_database()
    async with (
        kept_open(database, new_schema(postgres).rpartition("=")[2]),
        kept_open(elsewhere, "headwater"),
        await PostgresStore.open(url) as store,
    ):
        done = await store.append(Write("a", [NewEvent("soak", b"{}")]))
        assert await store.head() == done.last
        assert await store.obstacles() == []
    postgres.drop_database(elsewhere)


@asynchronous
async def test_an_open_transaction_holds_readers_and_is_named(postgres: PostgresServer, new_schema: NewSchema) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        async with kept_open(database, schema) as pid:
            before = await store.head()
            done = await store.append(Write("a", [NewEvent("soak", b"{}")]))
            assert await store.head() == before < done.last
            while not (named := await store.obstacles()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            assert f"process {pid} (somebody)" in named[0]
            assert f"readers wait before position {before + 1}" in named[0]
        assert await store.wait(before, timeout=5) == done.last
        assert await store.obstacles() == []

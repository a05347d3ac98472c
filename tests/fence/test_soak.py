"""The fence on the real server: writers that overlap, roll back, stall and are killed, and readers beside them.

HEADWATER_SOAK_SECONDS makes it longer.
"""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import msgspec
import psycopg
import pytest
from places import NewSchema, lines_held, place
from writing import append, event, manifold, plain

from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import Write
from headwater.testing.running import run

ASKED = float(os.environ.get("HEADWATER_SOAK_SECONDS", "0"))
SERVERS = [("postgres", ASKED or 5.0), ("old_postgres", ASKED or 2.5)]
WRITERS = 6
STALL = 2.0  # seconds: for so long transactions stay open, or for two fifths of the whole
KILL_EVERY = 0.3
ENOUGH = 200  # events to judge by; on a busy machine they take longer than the time asked for
LONGEST = 60.0

Follow = Callable[[PostgresStore, int, list[str]], Awaitable[int]]


@pytest.mark.parametrize(("server", "seconds"), SERVERS)
def test_no_reader_skips_but_the_naive_one(
    request: pytest.FixtureRequest, new_schema: NewSchema, server: str, seconds: float
) -> None:
    where = place(request.getfixturevalue(server), new_schema)
    run(soak(*where, seconds), seconds=2 * seconds + LONGEST + 60)


async def soak(url: str, database: str, schema: str, seconds: float) -> None:
    async with await PostgresStore.open(url) as store:
        await store.append(Write("first", [event("first", 0)]))  # gives the kind its number
    seen: dict[Follow, list[str]] = {by_reading: [], by_scanning: []}
    naive: list[int] = []
    stop, ended = asyncio.Event(), asyncio.Event()
    with ExitStack() as clients:
        restarts = [clients.enter_context(writing(database, schema, n)) for n in range(WRITERS)]
        async with asyncio.TaskGroup() as group:
            for how, events in seen.items():
                group.create_task(follow(url, how, events, ended))
            group.create_task(follow_naively(database, schema, naive, stop))
            stalled = [group.create_task(stall(database, schema, n, min(STALL, 0.4 * seconds), stop)) for n in range(3)]
            await upset(restarts, seconds, lambda: len(naive) > ENOUGH and has_skipped(database, schema, naive))
            stop.set()
            clients.close()
            await asyncio.wait(stalled)
            await settled(database, schema)
            ended.set()
    judge(database, schema, list(seen.values()), naive)


def judge(database: str, schema: str, seen: list[list[str]], naive: list[int]) -> None:
    with psycopg.connect(database) as connection:
        rows = connection.execute(f"SELECT position, data FROM {schema}.event ORDER BY position".encode()).fetchall()
        tagged = connection.execute(f"SELECT count(DISTINCT position) FROM {schema}.tag".encode()).fetchone()
    there = [position for position, _ in rows]
    skipped = {position for position in there if naive and position < naive[-1]} - set(naive)
    print(
        f"{len(there)} events, {tagged and tagged[0]} with tags, {there[-1] - len(there)} positions rolled back,"
        f" the naive reader skipped {len(skipped)}"
    )
    assert len(there) > ENOUGH, "there was something to read"
    assert there[-1] > len(there), "something was rolled back"
    for events in seen:
        assert events == [msgspec.json.decode(data) for _, data in rows]
    assert skipped, "the test can tell"


def has_skipped(database: str, schema: str, naive: list[int]) -> bool:
    """Whether there is an event by now that the naive reader will never see."""
    sql = f"SELECT count(*) FROM {schema}.event WHERE position <= %s".encode()
    with psycopg.connect(database) as connection:
        counted = connection.execute(sql, (naive[-1],)).fetchone()
    return counted is not None and counted[0] > len(naive)


# -- those who write


@contextmanager
def writing(url: str, schema: str, seed: int) -> Iterator[Callable[[], None]]:
    """A client in a process of its own; a call kills it and starts another one."""
    script, processes = str(Path(__file__).parent / "writing.py"), list[subprocess.Popen[bytes]]()

    def end() -> None:
        processes[-1].kill()
        assert processes[-1].wait() < 0, "it was killed: it did not fail"

    def begin() -> None:
        if processes:
            end()
        number = seed + 1000 * len(processes)
        processes.append(subprocess.Popen([sys.executable, script, url, schema, str(number)]))

    begin()
    try:
        yield begin
    finally:
        end()


async def upset(restarts: list[Callable[[], None]], seconds: float, enough: Callable[[], bool]) -> None:
    """Kill a client every now and then, for so long, and until there is enough to judge by."""
    chosen, loop = random.Random(1), asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end or (not enough() and loop.time() < end + LONGEST):
        await asyncio.sleep(KILL_EVERY)
        chosen.choice(restarts)()


async def stall(database: str, schema: str, number: int, seconds: float, stop: asyncio.Event) -> None:
    """Transactions that stay open in the middle of it all; between them is time to read on."""
    chosen = random.Random(number)
    await pause(seconds * number / 6, stop)
    for turn in count(number):
        if stop.is_set():
            break
        name = f"stalled-{number}-{turn}"
        orders = [manifold(chosen, f"{name}-{n}") for n in range(2)] if turn % 2 else [plain(name)]
        with (
            psycopg.connect(database, autocommit=True) as connection,
            connection.transaction(force_rollback=turn % 4 == 2),
        ):
            append(connection, schema, orders)
            await pause(seconds, stop)
        await pause(seconds, stop)


async def pause(seconds: float, stop: asyncio.Event) -> None:
    """Wait, but not behind the end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def settled(database: str, schema: str) -> None:
    """Wait until the server has noticed that the killed clients are gone."""
    while lines_held(database, schema):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


# -- those who read


async def follow(url: str, how: Follow, seen: list[str], stop: asyncio.Event) -> None:
    """Read on behind the fence; after `stop`, up to the end."""
    async with await PostgresStore.open(url) as store:
        position, last = 0, False
        while not last:
            last = stop.is_set()
            before = len(seen)
            position = await how(store, position, seen)
            while len(seen) > before:
                before = len(seen)
                position = await how(store, position, seen)
            await store.wait(position, timeout=0.01)


async def by_reading(store: PostgresStore, after: int, seen: list[str]) -> int:
    page = await store.read(after=after, limit=500)
    seen += [msgspec.json.decode(event.data) for event in page.events]
    return page.position


async def by_scanning(store: PostgresStore, after: int, seen: list[str]) -> int:
    batch = await store.scan(after=after, limit=500)
    seen += [data for _, data in msgspec.json.decode(batch.json)]
    return batch.position


async def follow_naively(url: str, schema: str, seen: list[int], stop: asyncio.Event) -> None:
    """Read whatever there is after the last position seen."""
    sql = f"SELECT position FROM {schema}.event WHERE position > %s ORDER BY position".encode()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while not stop.is_set():
            rows = await (await connection.execute(sql, (seen[-1] if seen else 0,))).fetchall()
            seen += [position for (position,) in rows]

"""Whom an open transaction holds, and whom not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from places import NewSchema, lines_held, place, value
from writing import event, kept_open, plain

from headwater.adapters.postgres.grouping import Order
from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import Envelope, Receipt, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

FIRST = Write("first", [event("first", n) for n in range(3)])
GROUP = Order([Write("a", [event("a", 0), event("a", 1)]), Write("b", [event("b", 0)])], None, "an id", "")


async def moves_on(url: str, database: str, schema: str) -> None:
    """Nothing is in the way of this store's readers."""
    async with await PostgresStore.open(url) as store:
        done = await store.append(FIRST)
        assert await store.head() == done.last
        assert lines_held(database, schema) == 0


@asynchronous
async def test_transactions_of_other_schemas_stall_nobody(postgres: PostgresServer, new_schema: NewSchema) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        await store.append(Write("one", [event("one", 0)]))
    async with kept_open(database, schema, GROUP):
        await moves_on(*place(postgres, new_schema))
    assert await head(url) == 4


@asynchronous
async def test_transactions_of_other_databases_stall_nobody(postgres: PostgresServer) -> None:
    """Not even where all numbers are the same: a database that was made from another one."""
    original = postgres.create_database()
    copy = f"{original}_copy"
    async with await PostgresStore.open(original) as store:
        await store.append(Write("one", [event("one", 0)]))
    name = original.rpartition("/")[2]
    postgres.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    oids = {value(url, "SELECT 'headwater.event_position'::regclass::oid::bigint") for url in (original, copy)}
    assert len(oids) == 1
    async with kept_open(copy, "headwater", GROUP):
        await moves_on(original, original, "headwater")
    assert await head(copy) == 4
    for url in (original, copy):
        postgres.drop_database(url)


async def head(url: str) -> int:
    async with await PostgresStore.open(url, create=False) as store:
        return await store.head()


@pytest.mark.parametrize("order", [plain("a"), GROUP], ids=["append_one", "append_group"])
@asynchronous
async def test_an_open_transaction_holds_readers_and_is_named(
    postgres: PostgresServer, new_schema: NewSchema, order: Order
) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        before = (await store.append(FIRST)).last
        async with kept_open(database, schema, order) as pid:
            done = await store.append(Write("c", [event("c", 0)]))
            assert await store.head() == before < done.last
            named = await obstacles(store)
            assert f"process {pid} (somebody)" in named
            assert f"readers wait before position {before + 1}" in named
        assert await store.wait(before, timeout=5) == done.last
        assert await store.obstacles() == []


async def obstacles(store: PostgresStore) -> str:
    """What is in the way, once it has been there for long enough to be named."""
    while not (named := await store.obstacles()):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return "\n".join(named)


@asynchronous
async def test_a_restore_that_is_under_way_holds_readers_and_whoever_appends(
    postgres: PostgresServer, new_schema: NewSchema
) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store, await PostgresStore.open(url) as other:
        before = (await store.append(FIRST)).last
        moved = [Envelope(before + 7 * n, "moved", n, "", "soak", 1, b"{}", 1) for n in (1, 2)]
        receipt = Receipt("moved", moved[0].position, moved[-1].position, (2,))
        async with asyncio.TaskGroup() as group, claimed(database, schema, receipt.id):
            group.create_task(other.restore(moved, [receipt]))
            named = await obstacles(store)
            assert "nobody else appends" in named
            assert f"readers wait before position {before + 1}" in named
            appending = group.create_task(store.append(Write("after", [event("after", 0)])))
            await held_up(database, schema)
            assert await store.head() == value(database, f"SELECT {schema}.fence()") == before
        done = appending.result()
        assert done.first == moved[-1].position + 1
        assert await store.wait(moved[-1].position, timeout=5) == done.last
        assert [each.stream for each in (await store.read(after=before)).events] == ["moved", "moved", "after"]


@asynccontextmanager
async def claimed(database: str, schema: str, id: str) -> AsyncIterator[None]:
    """Whoever records that id waits there, until this is over: behind all its events."""
    with psycopg.connect(database) as connection:
        connection.execute(f"INSERT INTO {schema}.append VALUES (%s, 1, 1, '{{1}}', '')".encode(), (id,))
        yield
        connection.rollback()


async def held_up(database: str, schema: str) -> None:
    """Wait until a store waits for a lock."""
    waiting = "wait_event = 'advisory' AND application_name = 'headwater "
    while not value(database, f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}{schema}'"):  # noqa: ASYNC110
        await asyncio.sleep(0.005)

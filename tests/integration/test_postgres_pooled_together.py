"""Behind pgbouncer in transaction mode: applications, and several stores that append at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import psycopg
import pytest
from bank import Deposit, Open, Opened, accounts, as_rows, balances, expected, inline_balances, record

from headwater import App, Reaction, Runtime
from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import Condition, NewEvent, Write, query
from headwater.store.port import EventStore
from headwater.store.subscription import subscribe
from headwater.testing.running import asynchronous
from pooler import Ways

EVENT = NewEvent("happened", b"{}")
STORES, WRITERS, APPENDS = 3, 4, 15


def welcome(happened: Opened) -> list[Deposit]:
    return [Deposit(happened.account, 100)]


app = App("bank", deciders=[accounts], views=[balances, inline_balances], reactions=[Reaction("welcome", welcome)])
inline_only = App("bank", deciders=[accounts], views=[inline_balances])


@pytest.mark.parametrize("by", ["pooled", "narrow"])
@asynchronous(seconds=60)
async def test_an_application_in_two_processes(ways: Ways, by: str) -> None:
    """Even by way of one session: nobody who holds it waits for another one."""
    url = getattr(ways, by)
    async with Runtime.open(app, url) as one, Runtime.open(app, url) as two:
        for n in range(0, 12, 2):
            opening = [runtime.execute(Open(f"a{n + i}", "Ann"), id=f"{n}-{i}") for i, runtime in enumerate((one, two))]
            await asyncio.gather(*opening)
        await asyncio.gather(one.idle(), two.idle())
        rows = await expected(one.store)
        assert {pence for _, pence, _ in rows.values()} == {100}
        for runtime in (one, two):
            assert as_rows(await runtime.find(inline_balances)) == rows
            assert as_rows(await runtime.find(balances)) == rows


@asynchronous
async def test_a_kind_of_event_that_is_met_inside_an_append(ways: Ways) -> None:
    """What it is, is asked on the session that the append holds: there is no other."""
    async with await PostgresStore.open(ways.direct) as other, Runtime.open(inline_only, ways.narrow) as runtime:
        await runtime.execute(Deposit("ann", 1))
        await record(other, Opened("bob", "Bob"))
        await runtime.execute(Deposit("ann", 1))
        assert as_rows(await runtime.find(inline_balances)) == await expected(other)


# -- the fence


@asynccontextmanager
async def claimed(ways: Ways, id: str) -> AsyncIterator[None]:
    """Whoever appends with that id comes as far as its receipt, behind its events, and waits there."""
    async with await psycopg.AsyncConnection.connect(ways.direct.partition("?")[0]) as connection:
        await connection.execute(f"INSERT INTO {ways.schema}.append VALUES (%s, 1, 1, '{{1}}', '')".encode(), (id,))
        yield
        await connection.rollback()


async def held_up(ways: Ways) -> None:
    """Wait until a store's append waits for somebody else's transaction."""
    sql = "SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid' AND application_name = %s"
    while not await ways.fetch(sql, f"headwater {ways.schema}"):  # noqa: ASYNC110
        await asyncio.sleep(0.005)


@asynchronous
async def test_readers_stay_before_an_append_that_is_under_way(ways: Ways) -> None:
    async with (
        await PostgresStore.open(ways.pooled) as slow, await PostgresStore.open(ways.pooled) as quick,
        await PostgresStore.open(ways.pooled) as reader, await PostgresStore.open(ways.direct) as direct,
    ):  # fmt: skip
        first = await quick.append(Write("first", [EVENT]))
        async with claimed(ways, "slow"):
            under_way = asyncio.create_task(slow.append(Write("slow", [EVENT]), id="slow"))
            await held_up(ways)
            ahead = await quick.append(Write("quick", [EVENT]))
            assert [await store.head() for store in (reader, direct)] == [first.last, first.last]
            assert [event.stream for event in (await reader.read()).events] == ["first"]
        done = await under_way
        assert first.last < done.first < ahead.first
        assert await reader.wait(first.last, timeout=15) == ahead.last
        assert [event.stream for event in (await reader.read()).events] == ["first", "slow", "quick"]


async def write(store: EventStore, name: str) -> None:
    """Appends of all sorts: alone, to several streams, with tags, an id, a condition."""
    tags, last = (f"of:{name}",), 0
    for n in range(APPENDS):
        await store.append(Write(name, [EVENT]))
        await store.append(Write(f"{name}-a", [EVENT, EVENT]), Write(f"{name}-b", [EVENT]), id=f"{name}-{n}")
        condition = Condition(query(tags=tags), last)
        last = (await store.append(Write(name, [NewEvent("tagged", b"{}", tags=tags)]), condition=condition)).last


async def follow(store: EventStore, count: int) -> list[int]:
    """The positions of so many events, as a subscriber sees them."""
    seen: list[int] = []
    async with aclosing(subscribe(store, limit=20)) as pages:
        while len(seen) < count:
            seen += [event.position for event in (await anext(pages)).events]
    return seen


@asynchronous(seconds=60)
async def test_who_follows_skips_nothing_while_several_stores_append(ways: Ways) -> None:
    async with AsyncExitStack() as opened:
        stores = [await opened.enter_async_context(await PostgresStore.open(ways.pooled)) for _ in range(STORES + 1)]
        stores.append(await opened.enter_async_context(await PostgresStore.open(ways.direct)))
        names = [(number, f"s{number}-{n}") for number in range(STORES) for n in range(WRITERS)]
        async with asyncio.TaskGroup() as group:
            following = [group.create_task(follow(each, len(names) * APPENDS * 5)) for each in stores[STORES:]]
            for number, name in names:
                group.create_task(write(stores[number], name))
        there = [position for (position,) in await ways.fetch(f"SELECT position FROM {ways.schema}.event ORDER BY 1")]
        assert len(there) == len(names) * APPENDS * 5
        assert [task.result() for task in following] == [there, there]
        assert await stores[0].check() == []

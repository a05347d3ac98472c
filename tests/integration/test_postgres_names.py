"""Names of schemas: words of SQL, and as long as PostgreSQL allows."""

import asyncio

import pytest
from bank import Deposit, Deposited, Open, accounts, as_rows, balances, expected, inline_balances, tally

from headwater import App, Reaction, Runtime, open_store
from headwater.adapters.postgres import watch
from headwater.adapters.postgres.store import PostgresStore
from headwater.messages import Condition, NewEvent, Write, query
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

EVENT = NewEvent("happened", b"{}", tags=("tag",))
LONG = "s" * 60


@pytest.mark.parametrize("word", ["user", "table", "analyze", "left", "between"])
@asynchronous
async def test_a_schema_may_be_called_by_a_word_of_sql(word: str, postgres: PostgresServer) -> None:
    async with await open_store(f"{postgres.url()}?schema={word}") as store:
        await store.append(Write("a", [EVENT]), id="once", condition=Condition(query(tags=["tag"]), 0))
        await store.append(Write("a", [NewEvent("happened", b"{}")]))
        assert [event.position for event in (await store.read(query(tags=["tag"]))).events] == [1]
        assert (await store.wait(1, timeout=5), (await store.size()).events) == (2, 2)
        assert await store.check() + await store.obstacles() == []


@asynchronous
async def test_an_application_runs_in_a_schema_called_by_a_word_of_sql(postgres: PostgresServer) -> None:
    seen: list[str] = []

    def note(happened: Deposited) -> list[Deposit]:
        seen.append(happened.account)
        return []

    app = App("bank", deciders=[accounts], views=[balances, inline_balances, tally], reactions=[Reaction("note", note)])
    async with Runtime.open(app, f"{postgres.url()}?schema=order") as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.execute(Deposit("ann", 5))
        await runtime.idle()
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)
        assert as_rows(await runtime.find(inline_balances)) == await expected(runtime.store)
        assert seen == ["ann"]


@asynchronous
async def test_wake_ups_come_through_in_a_schema_of_a_long_name(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SELDOM", 60.0)  # nobody looks: who wakes was told
    place = f"{postgres.url()}?schema={LONG}"
    async with await PostgresStore.open(place) as waiting, await PostgresStore.open(place) as other:
        assert await waiting.watch.changed(10)  # as it begins to listen
        change = asyncio.create_task(waiting.watch.changed(10))
        await other.append(Write("a", [EVENT]))
        assert await change

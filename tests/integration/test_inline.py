"""Inline views: changed by the append itself, whoever appends."""

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from bank import (
    Account,
    BankEvent,
    Deposit,
    accounts,
    apply,
    as_rows,
    balances_view,
    concerned,
    expected,
    inline_balances,
)

from headwater import App, Runtime, View
from headwater.adapters.sqlite.inline import SqliteInlineViews
from headwater.adapters.sqlite.store import SqliteStore
from headwater.adapters.sqlite.views import SqliteViews
from headwater.testing.running import asynchronous
from headwater.views.runner import Projecting

app = App("bank", deciders=[accounts], views=[inline_balances])
without = App("bank", deciders=[accounts])


@asynchronous
async def test_the_row_is_there_when_the_append_is_acknowledged(url: str) -> None:
    async with Runtime.open(app, url) as runtime:
        for pence in range(1, 20):
            await runtime.execute(Deposit("ann", 1))
            row = await runtime.get(inline_balances, "ann")
            assert row == Account("ann", None, pence, pence)


@asynchronous
async def test_a_fold_that_raises_fails_its_own_append_only(url: str) -> None:
    def picky(row: Account, happened: BankEvent) -> Account | None:
        if row.account == "bad":
            raise ArithmeticError("not this one")
        return apply(row, happened)

    view = View("picky", concerned, Account, picky, inline=True)
    async with Runtime.open(App("bank", deciders=[accounts], views=[view]), url) as runtime:
        names = ["ann", "bob", "bad", "cid", "dan"]
        results = await asyncio.gather(*[runtime.execute(Deposit(n, 1)) for n in names], return_exceptions=True)
        assert [isinstance(each, ArithmeticError) for each in results] == [name == "bad" for name in names]
        assert as_rows(await runtime.find(view)) == await expected(runtime.store)
        assert len(await runtime.find(view)) == 4


@asynchronous
async def test_what_others_append_is_taken_in_at_once(kept_url: str) -> None:
    async with Runtime.open(app, kept_url) as runtime, Runtime.open(without, kept_url) as other:
        done = await other.execute(Deposit("ann", 1))
        assert await runtime.get(inline_balances, "ann", after=done.position) == Account("ann", None, 1, 1)
        await runtime.idle()


@asynchronous
async def test_a_lock_that_others_hold_for_long_is_waited_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "store.db")
    async with await SqliteStore.open(path, lock_timeout=0.01) as store:
        views = SqliteViews(store)
        projection = await Projecting(store, views, app.events).begin(inline_balances)
        inline = SqliteInlineViews(store, views, app.events)
        await inline.attach([projection])
        async with Runtime.open(without, f"sqlite:///{path}") as other:
            done = await other.execute(Deposit("ann", 1))
        with closing(apsw.Connection(path)) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            working = asyncio.create_task(inline.run())
            while "waiting for the store" not in caplog.text and not working.done():  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            somebody.execute("ROLLBACK")
        while projection.position < done.position and not working.done():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert projection.position == done.position
        working.cancel()


@asynchronous
async def test_what_others_append_is_taken_in_by_the_next_append(kept_url: str) -> None:
    async with (
        Runtime.open(app, kept_url) as one,
        Runtime.open(app, kept_url) as two,
        Runtime.open(without, kept_url) as three,
    ):
        for n in range(60):
            runtime = (one, two, three)[n % 3]
            await runtime.execute(Deposit(f"a{n % 5}", 1))
        await one.execute(Deposit("last", 1))
        assert as_rows(await one.find(inline_balances)) == await expected(one.store)


@asynchronous
async def test_opening_while_another_appends_with_the_same_view(kept_url: str) -> None:
    async with Runtime.open(app, kept_url) as busy:
        done = asyncio.Event()
        appending = asyncio.create_task(_append_until(done, busy))
        for _ in range(10):
            async with Runtime.open(app, kept_url) as runtime:
                await runtime.execute(Deposit("ann", 1))
        done.set()
        await appending
        assert as_rows(await busy.find(inline_balances)) == await expected(busy.store)


async def _append_until(done: asyncio.Event, runtime: Runtime) -> None:
    while not done.is_set():
        await runtime.execute(Deposit("bob", 1))


@asynchronous
async def test_a_new_version_in_another_process_is_not_written_by_the_old(kept_url: str) -> None:
    def doubled(row: Account, happened: BankEvent) -> Account | None:
        after = apply(row, happened)
        return after and Account(after.account, after.owner, after.pence, after.events + 1)

    newer_view = View("inline_balances", concerned, Account, doubled, version=2, inline=True)
    async with Runtime.open(app, kept_url) as old:
        await old.execute(Deposit("ann", 1))
        async with Runtime.open(App("bank", deciders=[accounts], views=[newer_view]), kept_url) as new:
            await old.execute(Deposit("ann", 1))
            done = await new.execute(Deposit("ann", 1))
            assert await new.get(newer_view, "ann", after=done.position) == Account("ann", None, 3, 6)


@asynchronous
async def test_a_new_version_takes_over_at_the_start(kept_url: str) -> None:
    async with Runtime.open(app, kept_url) as runtime:
        for n in range(30):
            await runtime.execute(Deposit(f"a{n % 4}", n))
    newer = balances_view("inline_balances", version=2, inline=True)
    async with Runtime.open(App("bank", deciders=[accounts], views=[newer]), kept_url) as runtime:
        assert as_rows(await runtime.find(newer)) == await expected(runtime.store)
        assert [(build.version, build.live) for build in await runtime.builds()] == [(2, True)]

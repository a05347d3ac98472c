"""A view whose fold fails stops alone, before the event that fails; mended, it goes on from there."""

import asyncio
from typing import Any

import pytest
from bank import (
    Account,
    BankEvent,
    Deposit,
    Deposited,
    accounts,
    apply,
    as_rows,
    balances,
    balances_view,
    concerned,
    expected,
    small_batches,
)

from headwater import App, Runtime, SqlView, View
from headwater.errors import ViewStopped
from headwater.fold import AnyView
from headwater.testing.running import asynchronous

BAD = 13  # pence


def app_of(*views: AnyView) -> App:
    return App("bank", deciders=[accounts], views=views)


def stumbling(row: Account, happened: BankEvent) -> Account | None:
    if isinstance(happened, Deposited) and happened.pence == BAD:
        raise ArithmeticError("thirteen")
    return apply(row, happened)


picky = View("picky", concerned, Account, stumbling)
mended = View("picky", concerned, Account, apply)


async def deposit(runtime: Runtime, *amounts: int) -> None:
    for pence in amounts:
        await runtime.execute(Deposit("ann", pence))


async def stop_of(runtime: Runtime, view: View[Any, Any], after: int) -> ViewStopped:
    """The error of a view that stops on its way to a position."""
    with pytest.raises(ViewStopped) as caught:
        await runtime.get(view, "ann", after=after)
    return caught.value


@asynchronous
async def test_the_others_go_on(url: str) -> None:
    async with Runtime.open(app_of(balances, picky), url) as runtime:
        await deposit(runtime, 1, 2, BAD, 4)
        stopped = await stop_of(runtime, picky, 4)
        assert (stopped.view, stopped.position) == ("picky", 2)
        assert isinstance(stopped.__cause__, ArithmeticError)
        assert "ArithmeticError: thirteen" in str(stopped)
        await deposit(runtime, 5, 6)
        assert await runtime.get(balances, "ann", after=6) == Account("ann", None, 31, 6)
        with pytest.raises(ViewStopped, match="'picky'"):
            await runtime.idle()


@asynchronous
async def test_what_was_folded_can_be_asked_for(url: str) -> None:
    async with Runtime.open(app_of(picky), url) as runtime:
        await deposit(runtime, 1, BAD, 1)
        await stop_of(runtime, picky, 3)
        there = Account("ann", None, 1, 1)
        assert await runtime.get(picky, "ann") == there
        assert await runtime.get(picky, "ann", after=1) == there, "that far it has come"
        assert await runtime.sql("SELECT pence FROM picky") == [{"pence": 1}]
        with pytest.raises(ViewStopped):
            await runtime.sql("SELECT pence FROM picky", after=3)


@asynchronous
@pytest.mark.parametrize("before", [0, 1, 9, 10, 25])
async def test_it_stops_right_before_the_event(kept_url: str, before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in a batch it is, for views that move together."""
    small_batches(monkeypatch, 10)
    async with Runtime.open(app_of(), kept_url) as runtime:
        await deposit(runtime, *[1] * before, BAD, *[2] * 15)
    async with Runtime.open(app_of(picky, balances), kept_url) as runtime:
        assert (await stop_of(runtime, picky, before + 1)).position == before
        assert await runtime.queries.position("picky") == before
        assert await runtime.get(picky, "ann") == (Account("ann", None, before, before) if before else None)
        await runtime.get(balances, "ann", after=before + 16)
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)


@asynchronous
async def test_a_restart_with_a_mended_function_goes_on(kept_url: str) -> None:
    async with Runtime.open(app_of(balances, picky), kept_url) as runtime:
        await deposit(runtime, 1, BAD, 1)
        await stop_of(runtime, picky, 3)
    async with Runtime.open(app_of(balances, picky), kept_url) as runtime:
        await deposit(runtime, 1)
        assert (await stop_of(runtime, picky, 4)).position == 1, "still the same"
    async with Runtime.open(app_of(balances, mended), kept_url) as runtime:
        await deposit(runtime, BAD)
        await runtime.idle()
        assert as_rows(await runtime.find(mended)) == await expected(runtime.store) == {"ann": (None, 29, 5)}


@asynchronous
async def test_two_that_fail_each_stop_at_their_place(url: str) -> None:
    def other(row: Account, happened: BankEvent) -> Account | None:
        if row.events:
            return Account("somebody else", events=1)
        return apply(row, happened)

    wrong = View("wrong", concerned, Account, other)
    async with Runtime.open(app_of(picky, wrong, balances), url) as runtime:
        await deposit(runtime, 1, 2, 3, BAD)
        assert (await stop_of(runtime, wrong, 4)).position == 1
        assert (await stop_of(runtime, picky, 4)).position == 3
        assert "the first field holds the key" in str(await stop_of(runtime, wrong, 4))
        assert await runtime.get(balances, "ann", after=4) == Account("ann", None, 19, 4)


@asynchronous
async def test_sql_that_cannot_be_run_stops_its_view(url: str) -> None:
    def fails(happened: Deposited) -> list[tuple[str, tuple[Any, ...]]]:
        into = "nowhere" if happened.pence == BAD else "{totals}"
        return [(f"INSERT INTO {into} VALUES (?)", (happened.pence,))]

    view = SqlView("totals", {"totals": "pence INTEGER"}, fails)
    async with Runtime.open(app_of(view, balances), url) as runtime:
        await deposit(runtime, 1, 2, BAD, 4)
        with pytest.raises(ViewStopped, match=r"stopped at position 2.*nowhere"):
            await runtime.idle()
        assert await runtime.sql("SELECT pence FROM totals") == [{"pence": 1}, {"pence": 2}]


@asynchronous
async def test_those_who_wait_already_are_told(url: str) -> None:
    async with Runtime.open(app_of(picky), url) as runtime:
        waiting = asyncio.create_task(stop_of(runtime, picky, 2))
        await asyncio.sleep(0)
        await deposit(runtime, 1, BAD)
        assert (await waiting).position == 1


@asynchronous
async def test_a_new_version_that_fails_leaves_the_old_one_to_be_asked(kept_url: str) -> None:
    async with Runtime.open(app_of(mended), kept_url) as runtime:
        await deposit(runtime, 1, BAD)
        await runtime.idle()
    newer = View("picky", concerned, Account, stumbling, version=2)
    async with Runtime.open(app_of(newer), kept_url) as runtime:
        while "picky" not in runtime._followers.stopped:
            await runtime._views.changed(1)
        assert await runtime.get(newer, "ann") == Account("ann", None, 14, 2)
        assert [(build.version, build.live, build.position) for build in await runtime.builds()] == [
            (1, True, 2),
            (2, False, 1),
        ]


@asynchronous
async def test_an_inline_view_stops_nothing_but_its_append(url: str) -> None:
    view = View("picky", concerned, Account, stumbling, inline=True)
    async with Runtime.open(app_of(view, balances_view()), url) as runtime:
        await deposit(runtime, 1)
        with pytest.raises(ArithmeticError):
            await deposit(runtime, BAD)
        await deposit(runtime, 2)
        await runtime.idle()
        assert as_rows(await runtime.find(view)) == {"ann": (None, 3, 2)}

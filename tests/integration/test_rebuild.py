"""Builds: a view is built anew beside the live build, which answers until the new one takes over."""

import asyncio
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from bank import (
    Account,
    BankEvent,
    Deposit,
    Opened,
    accounts,
    apply,
    as_rows,
    balances,
    balances_view,
    bank,
    expected,
    small_batches,
)

from headwater import App, Runtime, SqlView, View
from headwater.errors import DeclarationError
from headwater.testing.running import asynchronous


class Recorded(msgspec.Struct, frozen=True):
    """The columns of Account; `pence` of another type that is kept as it was."""

    account: str
    owner: str | None = None
    pence: bool = False
    events: int = 0


def recorded(row: Recorded, happened: BankEvent) -> Recorded:
    return row


class Wider(msgspec.Struct, frozen=True):
    account: str
    pence: int = 0
    note: str = ""


def widen(row: Wider, happened: BankEvent) -> Wider | None:
    after = apply(Account(row.account, None, row.pence), happened)
    return Wider(after.account, after.pence, "wide") if after else None


def wider_view(version: int) -> View[Wider, BankEvent]:
    return View("balances", balances.key, Wider, widen, version)


async def deposit(runtime: Runtime, count: int) -> None:
    await asyncio.gather(*[runtime.execute(Deposit(f"a{n % 97}", n)) for n in range(count)])


@asynchronous
async def test_a_rebuild_in_the_same_runtime(kept_url: str) -> None:
    async with Runtime.open(bank, kept_url) as runtime:
        await deposit(runtime, 50)
        await runtime.idle()
    async with Runtime.open(bank, kept_url) as runtime:
        await deposit(runtime, 20)
        await runtime.idle()
        progress = [each async for each in runtime.rebuild("balances")]
        assert (progress[-1].position, progress[-1].head, progress[-1].eta) == (70, 70, 0)
        await deposit(runtime, 20)
        await runtime.idle()
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)
        assert [(build.version, build.live) for build in await runtime.builds()] == [(1, True)]


@asynchronous
async def test_a_rebuild_by_another_runtime(kept_url: str) -> None:
    async with Runtime.open(bank, kept_url) as runtime:
        await deposit(runtime, 50)
        await runtime.idle()
        async with Runtime.open(bank, kept_url) as other:
            assert [each async for each in other.rebuild("balances")]
        await deposit(runtime, 20)
        await runtime.idle()
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)


@asynchronous
async def test_a_rebuild_that_is_left_in_the_middle_leaves_the_live_build(
    kept_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_batches(monkeypatch, 10)
    async with Runtime.open(bank, kept_url) as runtime:
        await deposit(runtime, 100)
        await runtime.idle()
        before = await runtime.builds()
        async with aclosing(runtime.rebuild("balances")) as rebuild:
            async for progress in rebuild:
                if progress.position >= 50:
                    break
        assert await runtime.builds() == before
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)


@asynchronous
async def test_what_is_left_of_a_killed_rebuild_is_neither_followed_nor_kept(kept_url: str) -> None:
    async with Runtime.open(bank, kept_url) as runtime:
        await deposit(runtime, 50)
        await runtime.idle()
        left = await runtime._machine.begin(balances)  # what a rebuild that is killed leaves behind
    async with Runtime.open(bank, kept_url) as runtime:
        done = await runtime.execute(Deposit("ann", 1))
        await runtime.get(balances, "ann", after=done.position)
        assert [each async for each in runtime.rebuild("balances")]
        assert left.build.id not in [build.id for build in await runtime.builds()]
        assert len(await runtime.builds()) == 1


@asynchronous
async def test_changed_columns_need_a_raised_version(kept_url: str) -> None:
    async with Runtime.open(bank, kept_url):
        pass
    otherwise = View("balances", balances.key, Recorded, recorded, index=["owner"])
    views: list[View[Any, Any]] = [wider_view(1), otherwise, View("balances", balances.key, Account, apply)]
    for changed in views:
        with pytest.raises(DeclarationError, match="version=2"):
            async with Runtime.open(App("bank", deciders=[accounts], views=[changed]), kept_url):
                raise AssertionError("opened")


@asynchronous
async def test_a_raised_version_takes_over_and_the_old_runtime_lets_go(kept_url: str) -> None:
    """Two runtimes with two versions must not go on replacing each other's build."""
    newer = wider_view(2)
    async with Runtime.open(bank, kept_url) as old:
        await deposit(old, 50)
        await old.idle()
        assert await old.get(balances, "a1") == Account("a1", None, 1, 1)
        async with Runtime.open(App("bank", deciders=[accounts], views=[newer]), kept_url) as new:
            done = await new.execute(Deposit("ann", 3))
            assert await new.get(newer, "ann", after=done.position) == Wider("ann", 3, "wide")
            live = [build.id for build in await new.builds() if build.live]
            for n in range(20):
                done = await old.execute(Deposit("ann", n))
                await new.get(newer, "ann", after=done.position)
            assert [(build.id, build.version) for build in await new.builds()] == [(live[0], 2)]


@asynchronous
async def test_an_older_version_does_not_take_over(kept_url: str) -> None:
    async with Runtime.open(App("bank", deciders=[accounts], views=[balances_view(version=3)]), kept_url):
        pass
    with pytest.raises(DeclarationError, match="version=4"):
        async with Runtime.open(bank, kept_url):
            raise AssertionError("opened")


@asynchronous
async def test_names_that_are_taken_are_refused(kept_url: str) -> None:
    def nothing(happened: Opened) -> list[tuple[str, tuple[object, ...]]]:
        return []

    taken = ["event", "Event", "events", "stream", "timer", "timer_by_due", "sqlite_mine"]
    views = [[balances_view(name)] for name in taken]
    views.append([balances, SqlView("mine", {"Balances": "n"}, nothing)])  # type: ignore[list-item]
    for each in views:
        with pytest.raises(DeclarationError, match="view '"):
            async with Runtime.open(App("bank", deciders=[accounts], views=each), "memory:"):
                raise AssertionError("opened")

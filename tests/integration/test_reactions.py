"""Reactions: every event at least once and in order within its stream, the commands that follow once."""

import asyncio
from typing import Any

import pytest
from bank import Deposit, Deposited, Open, Opened, Send, Sent, accounts, balances

from headwater import App, Reaction, Runtime
from headwater.testing.running import asynchronous


def app_of(*reactions: Reaction[Any]) -> App:
    return App("bank", deciders=[accounts], views=[balances], reactions=reactions)


def welcome(happened: Opened) -> list[Deposit]:
    return [Deposit(happened.account, 100), Deposit(happened.account, 1)]


def nothing(happened: Opened) -> None:
    return None


@asynchronous
async def test_commands_follow_from_events(url: str) -> None:
    async with Runtime.open(app_of(Reaction("welcome", welcome)), url) as runtime:
        await runtime.execute(Open("ann", "Ann"), id="request-1")
        await runtime.idle()
        row = await runtime.get(balances, "ann")
        assert row is not None
        assert row.pence == 101
        opened, *deposits = (await runtime.store.read()).events
        for each in deposits:
            assert each.metadata.correlation_id == "request-1"
            assert each.metadata.causation_id.startswith(f"welcome:{opened.id}:")


@asynchronous
async def test_a_reaction_may_answer_with_nothing(url: str) -> None:
    async with Runtime.open(app_of(Reaction("nothing", nothing)), url) as runtime:  # type: ignore[arg-type]
        await runtime.execute(Open("ann", "Ann"))
        await runtime.idle()


@asynchronous
async def test_a_rejected_command_counts_as_done(url: str) -> None:
    def spend(happened: Opened) -> list[Any]:
        return [Send(happened.account, "shop", 1_000_000), Deposit(happened.account, 5)]

    async with Runtime.open(app_of(Reaction("spend", spend)), url) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.idle()
        row = await runtime.get(balances, "ann")
        assert row is not None
        assert row.pence == 5


@asynchronous
@pytest.mark.parametrize("concurrency", [1, 16])
async def test_a_failing_stream_holds_up_nobody_else(url: str, concurrency: int) -> None:
    handled: list[str] = []
    done = asyncio.Event()

    def picky(happened: Deposited) -> list[Any]:
        if happened.account == "bad":
            raise RuntimeError("not this one")
        handled.append(happened.account)
        if happened.account == "last":
            done.set()
        return []

    async with Runtime.open(app_of(Reaction("picky", picky, concurrency)), url) as runtime:
        for name in ("bad", "ann", "bob", "ann"):
            await runtime.execute(Deposit(name, 1))
        await runtime.execute(Deposit("bad", 2))
        await runtime.execute(Deposit("last", 2))
        async with asyncio.timeout(5):
            await done.wait()
        assert sorted(handled) == ["ann", "ann", "bob", "last"]


@asynchronous
async def test_what_was_not_done_is_done_by_the_next_runtime(kept_url: str) -> None:
    seen, stuck = list[str](), asyncio.Event()

    async def first(happened: Opened) -> list[Any]:
        if happened.account == "bob":
            stuck.set()
            await asyncio.Event().wait()
        return [Deposit(happened.account, 1)]

    def second(happened: Opened) -> list[Any]:
        seen.append(happened.account)
        return [Deposit(happened.account, 1)]

    async with Runtime.open(app_of(Reaction("welcome", first)), kept_url) as runtime:
        for name in ("ann", "bob", "cid"):
            await runtime.execute(Open(name, name))
        await stuck.wait()
    async with Runtime.open(app_of(Reaction("welcome", second)), kept_url) as runtime:
        await runtime.idle()
        assert "bob" in seen
        rows = await runtime.find(balances, order_by=["account"])
        assert [(row.account, row.pence) for row in rows] == [("ann", 1), ("bob", 1), ("cid", 1)]


@asynchronous
async def test_a_second_answer_to_one_event_does_not_count(kept_url: str) -> None:
    """`do` had an effect outside, its command was recorded, the checkpoint was not; now it answers differently."""
    answers, stuck = iter([1, 2]), asyncio.Event()

    async def moody(happened: Opened) -> list[Any]:
        return [Deposit(happened.account, next(answers))]

    async with Runtime.open(app_of(Reaction("moody", moody)), kept_url) as runtime:

        async def never(name: str, position: int) -> None:
            if position:
                stuck.set()

        runtime._workers._kept.move = never  # type: ignore[method-assign]
        await runtime.execute(Open("ann", "Ann"))
        await stuck.wait()
    async with Runtime.open(app_of(Reaction("moody", moody)), kept_url) as runtime:
        await runtime.idle()
        row = await runtime.get(balances, "ann")
        assert row is not None
        assert (row.pence, next(answers, None)) == (1, None)


@asynchronous
async def test_no_more_streams_at_once_than_allowed(url: str) -> None:
    running, most, full = 0, 0, asyncio.Event()

    async def slow(happened: Deposited) -> list[Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1
        return []

    async with Runtime.open(app_of(Reaction("slow", slow, concurrency=3)), url) as runtime:
        await asyncio.gather(*[runtime.execute(Deposit(f"a{n}", 1)) for n in range(20)])
        await runtime.idle()
        assert most == 3


@asynchronous
async def test_events_of_one_stream_are_handled_in_order(url: str) -> None:
    seen: dict[str, list[int]] = {}
    failures = iter(range(3))

    async def note(happened: Deposited | Sent) -> list[Any]:
        if happened.pence == 2 and next(failures, None) is not None:
            raise RuntimeError("try again")
        await asyncio.sleep(0)
        seen.setdefault(happened.account, []).append(happened.pence)
        return []

    async with Runtime.open(app_of(Reaction("note", note)), url) as runtime:
        for pence in range(5):
            for name in ("ann", "bob", "cid"):
                await runtime.execute(Deposit(name, pence))
        await runtime.idle()
        assert seen == {name: [0, 1, 2, 3, 4] for name in ("ann", "bob", "cid")}


@asynchronous
async def test_a_rebuild_of_a_view_does_not_react_again(url: str) -> None:
    count = 0

    def react(happened: Opened) -> list[Any]:
        nonlocal count
        count += 1
        return []

    async with Runtime.open(app_of(Reaction("count", react)), url) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.idle()
        assert [each async for each in runtime.rebuild("balances")]
        await runtime.idle()
        assert count == 1

"""Deadlines: days in milliseconds, on a clock that is moved by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from bank import Account, BankEvent, Close, Closed, Deposit, Deposited, Open, Opened, accounts, balances, decide, evolve

from headwater import App, Decider, ManualClock, Reaction, Runtime, Schedule, Unschedule
from headwater.testing.running import asynchronous

DAY = 86_400.0


def bonus(happened: Opened | Deposited | Closed) -> list[Any]:
    """Three days after the opening there are 100p; a deposit of 1p puts it off, closing forgets it."""
    match happened:
        case Opened(account, _) | Deposited(account, 1):
            return [Schedule(f"bonus:{account}", Deposit(account, 100), after=timedelta(days=3))]
        case Closed(account):
            return [Unschedule(f"bonus:{account}")]
    return []


def app_of(do: Any) -> App:
    return App("bank", deciders=[accounts], views=[balances], reactions=[Reaction("bonus", do)])


async def pence(runtime: Runtime, account: str) -> int:
    await runtime.idle()
    row = await runtime.get(balances, account)
    return row.pence if row else 0


@asynchronous
async def test_a_command_is_executed_when_its_time_has_come(url: str) -> None:
    clock = ManualClock()
    async with Runtime.open(app_of(bonus), url, clock=clock) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.idle()
        clock.advance(3 * DAY - 1)
        assert await pence(runtime, "ann") == 0
        clock.advance(1)
        assert await pence(runtime, "ann") == 100
        clock.advance(30 * DAY)
        assert await pence(runtime, "ann") == 100


@asynchronous
async def test_a_later_schedule_of_the_same_key_replaces_it(url: str) -> None:
    clock = ManualClock()
    async with Runtime.open(app_of(bonus), url, clock=clock) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.idle()
        clock.advance(2 * DAY)
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
        clock.advance(2 * DAY)
        assert await pence(runtime, "ann") == 1
        clock.advance(1 * DAY)
        assert await pence(runtime, "ann") == 101


@asynchronous
async def test_an_unscheduled_command_is_forgotten(url: str) -> None:
    clock = ManualClock()
    async with Runtime.open(app_of(bonus), url, clock=clock) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.execute(Close("ann"))
        await runtime.idle()
        clock.advance(30 * DAY)
        assert await pence(runtime, "ann") == 0


@asynchronous
async def test_a_timer_that_is_set_late_is_due_at_once(url: str) -> None:
    """The reaction comes to the event only after the deadline is over; the clock stands still then."""
    clock, go, begun = ManualClock(), asyncio.Event(), asyncio.Event()

    async def late(happened: Opened) -> list[Any]:
        begun.set()
        await go.wait()
        return [Schedule("late", Deposit(happened.account, 7), after=timedelta(days=3))]

    async with Runtime.open(app_of(late), url, clock=clock) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await begun.wait()
        clock.advance(4 * DAY)
        await asyncio.sleep(0)
        go.set()
        assert await pence(runtime, "ann") == 7


@asynchronous
async def test_a_time_of_day_can_be_given(url: str) -> None:
    clock = ManualClock(datetime(2024, 2, 28, 12, tzinfo=UTC))

    def noon(happened: Opened) -> list[Any]:
        return [Schedule("noon", Deposit(happened.account, 7), at=datetime(2024, 3, 1, 12, tzinfo=UTC))]

    async with Runtime.open(app_of(noon), url, clock=clock) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.idle()
        clock.advance(2 * DAY - 0.001)
        assert await pence(runtime, "ann") == 0
        clock.advance(0.001)
        assert await pence(runtime, "ann") == 7


@asynchronous
async def test_timers_outlive_the_runtime(kept_url: str) -> None:
    clock = ManualClock()
    async with Runtime.open(app_of(bonus), kept_url, clock=clock) as runtime:
        for name in ("ann", "bob"):
            await runtime.execute(Open(name, name))
        await runtime.idle()
    clock.advance(10 * DAY)
    async with Runtime.open(app_of(bonus), kept_url, clock=clock) as runtime:
        assert [await pence(runtime, "ann"), await pence(runtime, "bob")] == [100, 100]


@asynchronous
async def test_a_scheduled_command_that_fails_is_tried_again_and_holds_up_nobody(url: str) -> None:
    broken = True

    def stumbling(wanted: Open | Deposit, account: Account) -> list[BankEvent]:
        if broken and isinstance(wanted, Deposit) and wanted.account == "ann":
            raise RuntimeError("a bug, to be fixed while the timer waits")
        return decide(wanted, account)

    decider = Decider("account", lambda: Account(""), stumbling, evolve, stream=lambda wanted: wanted.account)
    app, clock = App("bank", [decider], [balances], [Reaction("bonus", bonus)]), ManualClock()
    async with Runtime.open(app, url, clock=clock) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        await runtime.execute(Open("bob", "Bob"))
        await runtime.idle()
        clock.advance(3 * DAY)
        async for page in runtime.subscribe(after=2):
            if page.events:
                assert page.events[0].stream == "account-bob"
                break
        broken = False
        clock.advance(60)
        assert await pence(runtime, "ann") == 100

"""States and rows as they were: at every position and at every time, on every store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import msgspec
import pytest
from bank import Account, BankEvent, Deposit, Deposited, Opened, accounts, apply, balances, bank, record
from hypothesis import given, settings
from hypothesis import strategies as st
from parcels import HISTORY, PAST, Parcel, app_of, few, parcels, signatures, table

from headwater import App, ManualClock, NewEvent, Runtime, Snapshots, Unknown, Write
from headwater.app import history
from headwater.clock import to_datetime
from headwater.errors import BadInput, UnknownType
from headwater.testing.running import asynchronous, run

START = datetime(2024, 1, 1, tzinfo=UTC)
ANN, BOB = "account-ann", "account-bob"


def opened(n: int, *names: str) -> list[BankEvent]:
    return [Opened(name, f"owner {n}") for name in names]


async def told(runtime: Runtime, clock: ManualClock, days: Sequence[Sequence[BankEvent]]) -> list[BankEvent]:
    """Record what happened, a day at a time; all of it in order."""
    for each in days:
        for happened in each:
            await record(runtime.store, happened)
        clock.advance(86_400)
    return [event for each in days for event in each]


DAYS: list[list[BankEvent]] = [
    [],
    [Opened("ann", "Ann"), Deposited("ann", 5)],
    [Opened("bob", "Bob"), Deposited("ann", 7), Deposited("bob", 1)],
    [],
    [Deposited("bob", 2), Deposited("ann", 11)],
]


@asynchronous
async def test_at_every_position(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BATCH", 2)
    clock = ManualClock(START)
    async with Runtime.open(bank, url, clock=clock) as runtime:
        events = await told(runtime, clock, DAYS)
        for position in range(len(events) + 3):
            by_then = events[:position]
            for name in ("ann", "bob"):
                mine = [each for each in by_then if each.account == name]
                state = reduce(accounts.evolve, mine, accounts.initial())
                assert await runtime.state(accounts, f"account-{name}", at=position) == state
                row = reduce(apply, mine, Account(name)) if mine else None
                assert await runtime.view_at(balances, name, at=position) == row
        await runtime.idle()
        for name in ("ann", "bob", "cid"):
            assert await runtime.view_at(balances, name) == await runtime.get(balances, name)
        assert await runtime.state(accounts, ANN) == await runtime.state(accounts, ANN, at=len(events))


@asynchronous
async def test_at_every_time(url: str) -> None:
    clock = ManualClock(START)
    async with Runtime.open(bank, url, clock=clock) as runtime:
        await told(runtime, clock, DAYS)
        pence = []
        for day in range(-1, 7):
            at = START + timedelta(days=day)
            before, then = at - timedelta(microseconds=1), at.astimezone(tz=None)
            pence.append([(await runtime.state(accounts, ANN, at=each)).pence for each in (before, then)])
            row = await runtime.view_at(balances, "ann", at=then)
            assert (row.pence if row else 0) == pence[-1][1]
        assert pence == [[0, 0], [0, 0], [0, 5], [5, 12], [12, 12], [12, 23], [23, 23], [23, 23]]
        assert await runtime.state(accounts, BOB, at=START) == accounts.initial()


@asynchronous
async def test_over_gaps_between_positions(url: str) -> None:
    clock = ManualClock(START)
    async with Runtime.open(bank, url, clock=clock) as runtime:
        await told(runtime, clock, DAYS[:2])
        (first, second) = (await runtime.store.read()).events
        later = [
            msgspec.structs.replace(
                each, position=each.position + 50_000, stream=BOB, time=each.time + 86_400_000_000 * (n + 1)
            )
            for n, each in enumerate((first, second))
        ]
        await runtime.store.restore(later)
        assert [(await runtime.state(accounts, BOB, at=at)).events for at in (2, 50_000, 50_001, 50_002)] == [
            0,
            0,
            1,
            2,
        ]
        for n, each in enumerate(later):
            recorded = to_datetime(each.time)
            assert (await runtime.state(accounts, BOB, at=recorded - timedelta(microseconds=1))).events == n
            assert (await runtime.state(accounts, BOB, at=recorded)).events == n + 1
        row = await runtime.view_at(balances, "ann", at=50_001)
        assert row is not None
        assert row.events == 3


@asynchronous
async def test_old_events_are_upcast(kept_url: str) -> None:
    async with Runtime.open(app_of(), kept_url, workers=False) as runtime:
        for stream, events in PAST.items():
            await runtime.store.append(Write(stream, events))
        sent = Parcel("1", "Ann", 100)
        done = replace_parcel(sent, delivered=1, by="Bob")
        for at, expected in ((0, Parcel()), (1, sent), (2, sent), (3, done), (None, done)):
            assert await runtime.state(parcels, "parcel-1", at=at) == expected
            assert await runtime.view_at(table, "1", at=at) == (expected if at != 0 else None)


def replace_parcel(parcel: Parcel, **changes: Any) -> Parcel:
    return msgspec.structs.replace(parcel, **changes)


@asynchronous
async def test_what_is_newer_than_the_application(kept_url: str) -> None:
    newer = NewEvent("parcel.sent", b'{"parcel":"1","address":{}}', 4)
    skipping = replace(table, name="skipping", unknown=Unknown.SKIP)
    async with Runtime.open(app_of(views=[table, skipping]), kept_url, workers=False) as runtime:
        await runtime.store.append(Write("parcel-1", [*PAST["parcel-1"], newer]))
        for question in (runtime.state(parcels, "parcel-1"), runtime.view_at(table, "1")):
            with pytest.raises(UnknownType, match=r"parcel\.sent \(version 4\)"):
                await question
        before = await runtime.state(parcels, "parcel-1", at=3)
        assert await runtime.view_at(table, "1", at=3) == await runtime.view_at(skipping, "1") == before


@asynchronous
async def test_what_makes_no_sense_is_refused(url: str) -> None:
    app = App("both", deciders=[accounts, few, parcels], views=[balances, signatures], upcasters=HISTORY)
    other = replace(accounts, name="other")
    async with Runtime.open(app, url, workers=False) as runtime:
        await record(runtime.store, *opened(1, "ann"))
        for question, error, said in (
            (runtime.state(accounts, "account-nobody"), BadInput, "there is no stream 'account-nobody'"),
            (runtime.state(accounts, "account-nobody", at=0), BadInput, "there is no stream 'account-nobody'"),
            (runtime.state(parcels, ANN), BadInput, "'account-ann' is not of decider 'parcel': those are parcel-…"),
            (runtime.state(few, "few-1"), BadInput, "no stream has a state"),
            (runtime.state(other, "other-1"), UnknownType, "unknown decider 'other'; known: account, few, parcel"),
            (runtime.state(accounts, ANN, at=datetime(2024, 1, 1)), BadInput, "has no time zone"),
            (runtime.view_at(balances, "ann", at=datetime(2024, 1, 1)), BadInput, "has no time zone"),
            (runtime.view_at(table, "1"), UnknownType, "unknown keyed view 'parcels'; known: balances"),
        ):
            with pytest.raises(error, match=said):
                await question


happenings = st.lists(
    st.tuples(
        st.sampled_from(("ann", "bob")), st.integers(1, 9), st.integers(0, 3).map(lambda seconds: seconds * 1_000_000)
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(happenings, st.integers(1, 7), st.integers(1, 5))
def test_it_is_the_fold_of_what_was_by_then(wanted: list[tuple[str, int, int]], batch: int, every: int) -> None:
    """Whatever happened and when, with snapshots of whatever age."""
    app = App("bank", deciders=[replace(accounts, snapshots=Snapshots(every=every))], views=[balances])

    async def main() -> None:
        clock = ManualClock(START)
        async with Runtime.open(app, clock=clock) as runtime:
            times = []
            for name, pence, pause in wanted:
                clock.advance(pause / 1_000_000)
                await runtime.execute(Deposit(name, pence))
                times.append(clock.now())
            for time in range(clock.now() - 5_000_000, clock.now() + 2_000_000, 500_000):
                position = sum(each <= time for each in times)
                for name in {name for name, _, _ in wanted}:
                    pence = sum(pence for each, pence, _ in wanted[:position] if each == name)
                    for at in (to_datetime(time), position):
                        state = await runtime.state(app.deciders[0], f"account-{name}", at=at)
                        row = await runtime.view_at(balances, name, at=at)
                        assert (state.pence, row.pence if row else 0) == (pence, pence)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(history, "BATCH", batch)
        run(main(), seconds=60)

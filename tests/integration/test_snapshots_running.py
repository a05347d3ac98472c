"""Snapshots in a running application: taken behind commands, in nobody's way, and never needed."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from bank import Account, Deposit, Deposited, Open, Send, accounts, bank, record
from parcels import PAST, Parcel, SendIt, app_of, parcels

from headwater import App, Decider, Rejected, Runtime, Snapshots, Write, command, event
from headwater.errors import DeclarationError, StoreFull, UnknownType
from headwater.store.snapshots import Snapshot
from headwater.testing.running import asynchronous


def kept_by(**policy: Any) -> App:
    """The bank, whose accounts have snapshots."""
    return App("bank", deciders=[replace(accounts, snapshots=Snapshots(**policy))])


async def taken(runtime: Runtime) -> list[tuple[str, int, int]]:
    """Stream, fold and version of each snapshot."""
    await runtime.idle()
    return [(each.stream, each.fold, each.version) for each in await runtime.snapshots.all()]


class Folded:
    """How many events were folded, by an account's decider that counts them."""

    def __init__(self, **policy: Any) -> None:
        self.events = 0

        def evolve(account: Account, happened: Deposited) -> Account:
            self.events += 1
            return accounts.evolve(account, happened)

        def decide(wanted: Deposit, account: Account) -> list[Deposited]:
            return [Deposited(wanted.account, wanted.pence)]

        named = Decider("account", accounts.initial, decide, evolve, accounts.stream, snapshots=Snapshots(**policy))
        self.app = App("bank", deciders=[named])

    def taken(self) -> int:
        """Since the last time."""
        found, self.events = self.events, 0
        return found


# -- when they are taken


@asynchronous
async def test_after_every_so_many_events(url: str) -> None:
    async with Runtime.open(kept_by(every=3), url) as runtime:
        found = []
        for _ in range(8):
            await runtime.execute(Deposit("ann", 5))
            found.append(await taken(runtime))
        mine = "account-ann"
        assert found == [[], [], *[[(mine, 1, 3)]] * 3, *[[(mine, 1, 6)]] * 3]
        assert (await runtime.state(runtime.app.deciders[0], mine)).pence == 40


@asynchronous
async def test_what_others_append_counts(url: str) -> None:
    async with Runtime.open(kept_by(every=3), url) as runtime:
        await record(runtime.store, *[Deposited("ann", 1)] * 5)
        assert await taken(runtime) == []
        with pytest.raises(Rejected):
            await runtime.execute(Send("ann", "bob", 100))
        assert await taken(runtime) == [("account-ann", 1, 5)], "a refusal has loaded the stream as well"
        await runtime.execute(Open("ann", "Ann"))
        await record(runtime.store, *[Deposited("ann", 1)] * 2)
        await runtime.execute(Deposit("bob", 1))
        assert await taken(runtime) == [("account-ann", 1, 5)]


@asynchronous
async def test_when_folding_took_long(url: str) -> None:
    async with Runtime.open(kept_by(every=None, seconds=3600), url) as runtime:
        await record(runtime.store, *[Deposited("ann", 1)] * 50)
        await runtime.execute(Deposit("ann", 1))
        assert await taken(runtime) == []
    async with Runtime.open(kept_by(every=None, seconds=0), url) as runtime:
        await record(runtime.store, *[Deposited("ann", 1)] * 50)
        await runtime.execute(Deposit("ann", 1))
        assert (await taken(runtime))[0][0] == "account-ann"


@asynchronous
async def test_what_was_due_is_taken_before_the_end(kept_url: str) -> None:
    app = kept_by(every=1)
    async with Runtime.open(app, kept_url, workers=False) as runtime:
        await asyncio.gather(*(runtime.execute(Deposit(f"a{n}", 1)) for n in range(50)))
    async with Runtime.open(app, kept_url) as runtime:
        assert len(await runtime.snapshots.all()) == 50


# -- what they are good for


@asynchronous
async def test_only_what_follows_is_folded(kept_url: str) -> None:
    folded = Folded(every=100)
    async with Runtime.open(folded.app, kept_url) as runtime:
        await record(runtime.store, *[Deposited("ann", 1)] * 99)
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
        assert folded.taken() == 100, "once for the command, and the last one for the snapshot"
        for number in range(3):
            done = await runtime.execute(Deposit("ann", 1))
            assert (done.version, folded.taken()) == (101 + number, number)
        assert (await runtime.state(folded.app.deciders[0], "account-ann")).pence == 103
        assert folded.taken() == 3
        assert (await runtime.state(folded.app.deciders[0], "account-ann", at=50)).pence == 50
        assert folded.taken() == 50, "a snapshot of later is of no use"
    async with Runtime.open(folded.app, kept_url) as runtime:
        await runtime.execute(Deposit("ann", 1))
        assert folded.taken() == 3


@asynchronous
async def test_those_of_another_fold_are_ignored(kept_url: str) -> None:
    for version, found, kept in ((1, 0, {1}), (2, 4, {2}), (1, 8, {1, 2})):
        folded = Folded(every=3, version=version)
        async with Runtime.open(folded.app, kept_url) as runtime:
            await runtime.execute(Deposit("ann", 1))
            assert folded.taken() == found
            for _ in range(3):
                await runtime.execute(Deposit("ann", 1))
            assert {fold for _, fold, _ in await taken(runtime)} == kept, "older ones have made way, newer ones not"
    async with Runtime.open(bank, kept_url) as runtime:
        assert (await runtime.executor.load(accounts, "account-ann")).state.pence == 12


@asynchronous
async def test_a_damaged_one_is_ignored_and_replaced(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Runtime.open(kept_by(every=2), url) as runtime:
        for _ in range(3):
            await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
        (good,) = await runtime.snapshots.all()
        for data in (b"", b"nonsense", b'{"account":1}', b'{"account":"ann","pence":', b"\xc3\xa9"):
            await runtime.snapshots.put(
                Snapshot(good.stream, good.decider, good.fold, good.version, good.position, good.time, data)
            )
            caplog.clear()
            done = await runtime.execute(Send("ann", "bob", 0))
            (line,) = [each.getMessage() for each in caplog.records]
            assert line.startswith("snapshot of account-ann at version")
            await runtime.idle()
            (after,) = await runtime.snapshots.all()
            assert after.version == done.version
        assert (await runtime.state(runtime.app.deciders[0], "account-ann")).pence == 3


@asynchronous
async def test_old_events_are_upcast_into_them(kept_url: str) -> None:
    async def opened(**more: Any) -> list[Parcel]:
        app = app_of(views=[], deciders=[replace(parcels, **more)])
        async with Runtime.open(app, kept_url) as runtime:
            for stream, events in PAST.items():
                if not await runtime.store.read_stream(stream):
                    await runtime.store.append(Write(stream, events))
            for parcel in "123":
                with pytest.raises(Rejected):
                    await runtime.execute(SendIt(parcel, "Eve"))
            await runtime.idle()
            assert len(await runtime.snapshots.all()) == (3 if more else 0)
            return [await runtime.state(app.deciders[0], stream) for stream in PAST]

    plain = await opened()
    for _ in range(2):
        assert await opened(snapshots=Snapshots(every=1)) == plain


# -- in nobody's way


@asynchronous
async def test_a_slow_one_holds_up_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Runtime.open(kept_by(every=1)) as runtime:
        put, begun, go = runtime.snapshots.put, list[Snapshot](), asyncio.Event()

        async def slow(snapshot: Snapshot) -> None:
            begun.append(snapshot)
            await go.wait()
            await put(snapshot)

        monkeypatch.setattr(runtime.snapshots, "put", slow)
        for _ in range(20):
            await runtime.execute(Deposit("ann", 1))
        await runtime.execute(Deposit("bob", 1))
        assert len(begun) == 1, "one of a stream at a time"
        go.set()
        await runtime.idle()
        assert [each.stream for each in begun] == ["account-ann", "account-bob"]
        assert 1 <= begun[0].version <= 20
        await runtime.execute(Deposit("ann", 1))
        assert await taken(runtime) == [("account-ann", 1, 21), ("account-bob", 1, 1)]


@asynchronous
async def test_one_that_cannot_be_written_fails_no_command(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with Runtime.open(kept_by(every=1)) as runtime:
        for error in (StoreFull("memory:"), RuntimeError("no idea")):

            async def fail(_snapshot: Snapshot, error: Exception = error) -> None:
                raise error

            with monkeypatch.context() as patched:
                patched.setattr(runtime.snapshots, "put", fail)
                caplog.clear()
                for _ in range(3):
                    await runtime.execute(Deposit("ann", 1))
                    await runtime.idle()
                assert len(caplog.records) == 3
                assert str(error) in caplog.text
        assert await taken(runtime) == []
        await runtime.execute(Deposit("ann", 1))
        assert await taken(runtime) == [("account-ann", 1, 7)]


@asynchronous
async def test_what_a_newer_application_has_written_is_left_to_commands(caplog: pytest.LogCaptureFixture) -> None:
    @event("account.deposited", version=2)
    class Newer:
        account: str

    newer = App("newer", deciders=[], views=[], upcasters=[]).events.encode(Newer("ann"))
    async with Runtime.open(kept_by(every=2)) as runtime:
        await runtime.execute(Deposit("ann", 1))
        store_decide = runtime.store.decide

        async def decide_and_then(*given: Any, **more: Any) -> Any:
            done = await store_decide(*given, **more)
            await runtime.store.append(Write("account-ann", [newer]))
            return done

        runtime.store.decide = decide_and_then  # type: ignore[method-assign]
        await runtime.execute(Deposit("ann", 1))
        assert await taken(runtime) == []
        assert "no snapshot of account-ann: UnknownType" in caplog.text
        with pytest.raises(UnknownType):
            await runtime.execute(Deposit("ann", 1))


# -- states that cannot be kept


@command("note.add")
class Add:
    key: Any


@event("note.added")
class Added:
    key: Any


def add(wanted: Add, found: dict[Any, int]) -> list[Added]:
    return [Added(wanted.key)]


def added(found: dict[Any, int], happened: Added) -> dict[Any, int]:
    return {**found, happened.key: 1}


notes = Decider("note", dict, add, added, lambda wanted: "1", snapshots=Snapshots(every=2))


@asynchronous
async def test_a_state_that_cannot_be_kept_is_said_at_the_first_command_that_has_one(url: str) -> None:
    async with Runtime.open(App("notes", deciders=[notes]), url) as runtime:
        await runtime.execute(Add(1))
        for _ in range(2):
            with pytest.raises(DeclarationError, match="decider 'note': its state cannot be kept in snapshots"):
                await runtime.execute(Add(2))
        assert await runtime.store.head() == 1, "and nothing is recorded"


@asynchronous
async def test_one_that_comes_later_ends_the_snapshots_of_its_decider(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Runtime.open(App("notes", deciders=[notes]), url) as runtime:
        for key in ("a", "b", 3, 4, 5, 6):
            await runtime.execute(Add(key))
            await runtime.idle()
        errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
        assert len(errors) == 1
        assert "decider 'note': its state cannot be kept" in errors[0]
        assert [each.version for each in await runtime.snapshots.all()] == [2]
        assert set(await runtime.state(notes, "note-1")) == {"a", "b", 3, 4, 5, 6}

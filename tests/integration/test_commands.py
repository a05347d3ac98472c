"""Executing commands: once for each id, in competition, and with nothing left behind by what fails."""

import asyncio

import pytest
from bank import Account, BankEvent, Deposit, Deposited, Open, Opened, Send, bank, evolve

from headwater import App, Decider, ManualClock, Metadata, Rejected, Runtime, event, query
from headwater.commands.executor import Executor
from headwater.errors import Conflict, DeclarationError, EventTooLarge, IdReused, InvalidName, UnknownType
from headwater.store.memory import MemoryStore
from headwater.testing.running import asynchronous


@event("stranger.came")
class Stranger:
    name: str


@asynchronous
async def test_the_same_id_returns_the_first_result(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        first = await runtime.execute(Deposit("ann", 5), id="request-1")
        await runtime.execute(Deposit("ann", 7))
        again = await runtime.execute(Deposit("ann", 5), id="request-1")
        assert not first.repeated
        assert again.repeated
        assert (again.id, again.stream, again.version, again.position, again.events) == (
            "request-1", "account-ann", 1, first.position, (Deposited("ann", 5),)
        )  # fmt: skip
        assert await runtime.store.head() == 2


@asynchronous
async def test_the_same_id_twenty_times_at_once_counts_once(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        results = await asyncio.gather(*[runtime.execute(Deposit("ann", 5), id="request-1") for _ in range(20)])
        assert sorted(each.repeated for each in results) == [False] + 19 * [True]
        assert {(each.version, each.position, each.events) for each in results} == {(1, 1, (Deposited("ann", 5),))}
        assert await runtime.store.head() == 1


@asynchronous
async def test_an_id_with_another_command_is_refused(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        await runtime.execute(Deposit("ann", 5), id="request-1")
        for other in (Deposit("ann", 6), Deposit("bob", 5), Open("ann", "Ann")):
            with pytest.raises(IdReused):
                await runtime.execute(other, id="request-1")
        assert await runtime.store.head() == 1


@asynchronous
async def test_sixty_four_at_once_on_one_aggregate_each_count_once(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        results = await asyncio.gather(*[runtime.execute(Deposit("ann", 1)) for _ in range(64)])
        assert sorted(each.version for each in results) == list(range(1, 65))


@asynchronous
async def test_a_conflict_is_retried_a_bounded_number_of_times() -> None:
    attempts = 0

    def beaten(wanted: Deposit, account: Account) -> list[BankEvent]:
        nonlocal attempts
        attempts += 1
        return [Deposited(wanted.account, wanted.pence)]

    deposits = query("account.deposited")
    decider = Decider("account", lambda: Account(""), beaten, evolve, _account, query=lambda wanted: deposits)
    async with Runtime.open(App("bank", deciders=[decider])) as runtime:
        append = runtime.store.append

        async def first_someone_else(*writes: object, **how: object) -> object:
            await append(*[type(write)(write.stream, write.events) for write in writes])  # type: ignore[attr-defined, call-arg, arg-type]
            return await append(*writes, **how)  # type: ignore[arg-type]

        runtime.store.append = first_someone_else  # type: ignore[method-assign, assignment]
        with pytest.raises(Conflict):
            await runtime.execute(Deposit("ann", 1))
        assert attempts == 10


@asynchronous
async def test_a_manual_clock_does_not_hold_up_competing_commands() -> None:
    clock = ManualClock()
    async with MemoryStore(clock=clock) as store, asyncio.timeout(5):  # a store on which they do conflict
        executor = Executor(bank, store, clock)
        done = await asyncio.gather(*[executor.execute(Deposit("ann", 1)) for _ in range(5)])
    assert sorted(each.version for each in done) == [1, 2, 3, 4, 5]


@asynchronous
async def test_a_rejected_command_leaves_nothing(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        for id in ("", "request-1", "request-1"):
            with pytest.raises(Rejected) as caught:
                await runtime.execute(Send("ann", "bob", 5), id=id)
            assert (caught.value.code, caught.value.facts) == ("too_little", {"pence": 0})
        assert await runtime.store.head() == 0
        await runtime.execute(Deposit("ann", 5))
        assert not (await runtime.execute(Send("ann", "bob", 5), id="request-1")).repeated, "it is decided anew"


@asynchronous
async def test_a_decision_without_events_says_where_the_stream_is(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        first = await runtime.execute(Open("ann", "Ann"))
        await runtime.execute(Open("bob", "Bob"))
        nothing = await runtime.execute(Open("ann", "Ann"), id="request-1")
        assert (nothing.version, nothing.position, nothing.events) == (1, first.position, ())
        assert await runtime.store.head() == 2


@asynchronous
async def test_events_say_where_they_come_from(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        plain = await runtime.execute(Deposit("ann", 1))
        await runtime.execute(Deposit("ann", 2), id="request-1", metadata=Metadata("talk", "ignored", "trace", "ann"))
        one, two = (await runtime.store.read()).events
        assert one.metadata == Metadata(plain.id, plain.id)
        assert two.metadata == Metadata("talk", "request-1", "trace", "ann")


@asynchronous
async def test_what_decide_raises_comes_out_and_leaves_nothing(url: str) -> None:
    def decide(wanted: Open | Deposit, account: Account) -> list[BankEvent]:
        if isinstance(wanted, Open):
            return [Opened(wanted.account, wanted.owner)]
        raise ZeroDivisionError("a bug")

    def stumbling(account: Account, happened: BankEvent) -> Account:
        raise KeyError("another bug")

    sound = Decider("account", lambda: Account(""), decide, evolve, _account)
    async with Runtime.open(App("bank", [sound]), url) as one:
        with pytest.raises(ZeroDivisionError, match="a bug"):
            await one.execute(Deposit("ann", 1), id="request-1")
        assert await one.store.head() == 0
    broken = Decider("account", lambda: Account(""), decide, stumbling, _account)
    async with Runtime.open(App("bank", [broken]), url) as two:
        await two.execute(Open("ann", "Ann"))
        with pytest.raises(KeyError, match="another bug"):
            await two.execute(Deposit("ann", 1))
        assert await two.store.head() == 1


def _account(wanted: Open | Deposit) -> str:
    return wanted.account


@asynchronous
async def test_an_event_that_evolve_does_not_know_is_not_recorded(url: str) -> None:
    """It would lock the stream for good: nobody could fold it any more."""

    def decide(wanted: Open, account: Account) -> list[Stranger]:
        return [Stranger(wanted.owner)]

    decider = Decider("account", lambda: Account(""), decide, evolve, stream=lambda wanted: wanted.account)  # type: ignore[misc]
    async with Runtime.open(App("bank", deciders=[decider]), url) as runtime:
        with pytest.raises(DeclarationError, match="Stranger"):
            await runtime.execute(Open("ann", "Ann"))
        assert await runtime.store.head() == 0


@asynchronous
async def test_bad_input_is_refused_and_leaves_nothing(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        with pytest.raises(EventTooLarge):
            await runtime.execute(Open("ann", "x" * (1024 * 1024)))
        with pytest.raises(InvalidName):
            await runtime.execute(Deposit("a\nb", 1))
        with pytest.raises(InvalidName):
            await runtime.execute(Deposit("ann", 1), id="x" * 256)
        with pytest.raises(UnknownType, match="command"):
            await runtime.execute(Opened("ann", "Ann"))
        assert await runtime.store.head() == 0

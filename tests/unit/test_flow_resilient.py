"""`@resilient`: each layer, their order, and that a function stays what it was."""

import asyncio
import inspect

import pytest
from moving import moving

from headwater.clock import ManualClock
from headwater.errors import BadInput, CircuitOpen, Overloaded, TimedOut
from headwater.flow.breaker import Breaker, State
from headwater.flow.budget import RetryBudget
from headwater.flow.limiter import AdaptiveLimit, Bulkhead
from headwater.flow.resilient import resilient
from headwater.flow.retry import Retry
from headwater.testing.running import asynchronous


class Dependency:
    """Fails `failures` times, then answers; counts its calls."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or RuntimeError("down")
        self.calls = 0

    async def ask(self, question: int) -> int:
        """A question."""
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return question + 1


@asynchronous
async def test_with_no_layer_it_is_the_function() -> None:
    dependency = Dependency(1)
    ask = resilient()(dependency.ask)
    with pytest.raises(RuntimeError):
        await ask(1)
    assert await ask(question=1) == 2
    assert inspect.iscoroutinefunction(ask)
    assert (ask.__doc__, list(inspect.signature(ask).parameters)) == ("A question.", ["question"])


@asynchronous
async def test_it_tries_again() -> None:
    clock, dependency = ManualClock(), Dependency(2)
    ask = resilient(retry=Retry(3), clock=clock)(dependency.ask)
    async with moving(clock):
        assert await ask(1) == 2
        assert dependency.calls == 3
        dependency.calls = -1_000
        with pytest.raises(RuntimeError):
            await ask(question=1)
        assert dependency.calls == -997
        no = Dependency(5, BadInput("no"))
        with pytest.raises(BadInput):
            await resilient(retry=Retry(3), clock=clock)(no.ask)(1)
        assert no.calls == 1


@asynchronous
async def test_it_comes_again_when_it_is_told_to() -> None:
    clock, dependency = ManualClock(), Dependency(1, Overloaded("the bank", 5, retry_after=30.0))
    async with moving(clock, 1.0):
        assert await resilient(retry=Retry(2), clock=clock)(dependency.ask)(1) == 2
    assert clock.monotonic() >= 30.0


@asynchronous
async def test_it_keeps_to_its_budget() -> None:
    clock, dependency = ManualClock(), Dependency(10**9)
    budget = RetryBudget(share=0.2, floor=0.0, clock=clock, window=1e9)
    ask = resilient(retry=Retry(10, base=0.001), budget=budget, clock=clock)(dependency.ask)
    async with moving(clock):
        for _ in range(50):
            with pytest.raises(RuntimeError):
                await ask(1)
    assert dependency.calls == 60


@asynchronous
async def test_its_breaker_spares_the_dependency() -> None:
    clock, dependency = ManualClock(), Dependency(10**9)
    ask = resilient(breaker=Breaker("bank", minimum=5, pause=60.0, clock=clock), clock=clock)(dependency.ask)
    found = await asyncio.gather(*(ask(1) for _ in range(30)), return_exceptions=True)
    assert dependency.calls == 5
    assert {type(each) for each in found} == {RuntimeError, CircuitOpen}
    no = Dependency(10**9, BadInput("no"))
    answered = resilient(breaker=Breaker("bank", minimum=5, clock=clock), clock=clock)(no.ask)
    await asyncio.gather(*(answered(1) for _ in range(30)), return_exceptions=True)
    assert no.calls == 30, "a no is an answer"


@asynchronous
async def test_it_waits_for_the_breaker_and_goes_on() -> None:
    clock, dependency = ManualClock(), Dependency(4)
    breaker = Breaker("bank", minimum=2, pause=5.0, probes=1, clock=clock)
    ask = resilient(retry=Retry(20, base=0.01), breaker=breaker, clock=clock)(dependency.ask)
    async with moving(clock, 0.05):
        assert await ask(1) == 2
    assert dependency.calls == 5
    assert clock.monotonic() >= 15.0, "two that failed, two probes that failed, and one that did not"


@asynchronous
async def test_an_attempt_has_its_time_and_gives_its_place_back() -> None:
    clock, bulkhead = ManualClock(), Bulkhead("db", 1)
    limit = AdaptiveLimit("api", clock=clock)
    calls = 0

    @resilient(retry=Retry(3), bulkhead=bulkhead, limit=limit, timeout=1.0, clock=clock)
    async def slow() -> str:
        nonlocal calls
        calls += 1
        assert (bulkhead.inside, limit.inside) == (1, 1)
        await clock.sleep(10.0 if calls < 3 else 0.1)
        return "done"

    async with moving(clock):
        assert await slow() == "done"
        assert (calls, bulkhead.inside, limit.inside) == (3, 0, 0)
        calls = -10
        with pytest.raises(TimedOut, match=r"slow took longer than 1 s"):
            await slow()
    assert (bulkhead.inside, limit.inside) == (0, 0)


@asynchronous
async def test_waiting_for_a_place_is_not_its_time_and_no_place_is_held_between_attempts() -> None:
    clock, bulkhead, between = ManualClock(), Bulkhead("db", 1, waiting=10), list[int]()
    calls = 0

    @resilient(retry=Retry(2, base=5.0, cap=5.0), bulkhead=bulkhead, timeout=1.0, clock=clock)
    async def work(number: int) -> int:
        nonlocal calls
        calls += 1
        await clock.sleep(0.8)
        if number == 0 and calls == 1:
            raise RuntimeError("once")
        between.append(number)
        return number

    async with moving(clock, 0.1):
        assert await asyncio.gather(*(work(number) for number in range(5))) == [0, 1, 2, 3, 4]
    assert sorted(between) == [0, 1, 2, 3, 4]


@asynchronous
async def test_what_the_limits_refuse_is_not_the_dependencys_fault() -> None:
    clock, gate = ManualClock(), asyncio.Event()
    breaker, bulkhead = Breaker("bank", minimum=1, clock=clock), Bulkhead("db", 1)

    @resilient(breaker=breaker, bulkhead=bulkhead, clock=clock)
    async def work() -> None:
        await gate.wait()

    inside = asyncio.create_task(work())
    await asyncio.sleep(0)
    for _ in range(5):
        with pytest.raises(Overloaded):
            await work()
    assert breaker.state is State.CLOSED
    gate.set()
    await inside


@asynchronous
async def test_who_has_waited_for_a_place_asks_the_breaker_as_it_is_then() -> None:
    clock, dependency = ManualClock(), Dependency(10**9)
    breaker, bulkhead = Breaker("bank", minimum=1, clock=clock), Bulkhead("db", 1, waiting=5)
    ask = resilient(breaker=breaker, bulkhead=bulkhead, clock=clock)(dependency.ask)
    found = await asyncio.gather(*(ask(1) for _ in range(5)), return_exceptions=True)
    assert [type(each) for each in found] == [RuntimeError] + [CircuitOpen] * 4
    assert dependency.calls == 1


@asynchronous
async def test_it_may_be_a_method_and_be_cancelled() -> None:
    bulkhead = Bulkhead("db", 1)

    class Client:
        name = "c"

        @resilient(retry=Retry(5), bulkhead=bulkhead, clock=ManualClock())
        async def hang(self) -> str:
            await asyncio.Event().wait()
            return self.name

    task = asyncio.create_task(Client().hang())
    await asyncio.sleep(0)
    assert bulkhead.inside == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bulkhead.inside == 0

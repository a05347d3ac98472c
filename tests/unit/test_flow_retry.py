"""When to try again, how much of it a dependency bears, and how long anything may take."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving import moving

from headwater.clock import Clock, ManualClock, SystemClock
from headwater.errors import BadInput, CircuitOpen, Overloaded, Rejected, TimedOut
from headwater.flow.budget import RetryBudget
from headwater.flow.retry import Retry, Verdict, classify, full_jitter
from headwater.flow.timeout import within
from headwater.flow.window import Window
from headwater.testing.running import asynchronous


@given(st.integers(1, 10_000), st.floats(0.001, 1), st.floats(0.001, 60))
def test_full_jitter_stays_within_its_bounds(attempt: int, base: float, cap: float) -> None:
    assert 0 <= full_jitter(attempt, base, cap) <= min(cap, base * 2.0 ** min(attempt - 1, 900))


def test_full_jitter_is_spread_over_all_of_them() -> None:
    dice = random.Random(7)
    waits = [full_jitter(3, 0.1, 60.0, dice) for _ in range(1_000)]
    assert min(waits) < 0.02
    assert max(waits) > 0.38
    assert 0.18 < sum(waits) / len(waits) < 0.22


def test_what_is_told_to_wait_waits_longer() -> None:
    retry = Retry(3, base=0.01, cap=0.01)
    for error in (Overloaded("x", 1, 7.0), CircuitOpen("x", 7.0)):
        waits = {retry.pause(1, error) for _ in range(20)}
        assert all(7.0 <= (wait or 0) <= 7.01 for wait in waits)
        assert len(waits) > 1, "they would all come at once"
    odd = RuntimeError()
    odd.retry_after = "Wed, 21 Oct 2015 07:28:00 GMT"  # type: ignore[attr-defined]
    assert (retry.pause(1, odd) or 0) <= 0.01


def test_when_there_is_no_further_attempt() -> None:
    assert Retry(3).pause(3, RuntimeError()) is None
    assert Retry(3).pause(2, RuntimeError()) is not None
    assert Retry(None).pause(1_000_000, RuntimeError()) is not None
    assert Retry(3).pause(1, BadInput("no")) is None
    assert classify(Rejected("no")) is Verdict.GIVE_UP
    assert Retry(3, classify=lambda _: Verdict.RETRY).pause(1, BadInput("no")) is not None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.floats(0, 3)), max_size=60))
def test_a_window_counts_what_is_recent(steps: list[tuple[int, int, float]]) -> None:
    clock = ManualClock()
    window = Window(10.0, clock)
    seen: list[tuple[float, int, int]] = []
    for one, other, pause in steps:
        clock.advance(pause)
        window.count(one, other)
        now = clock.monotonic()
        seen.append((now, one, other))
        found = window.counts()
        for kind in (1, 2):
            surely = sum(each[kind] for each in seen if each[0] > now - 8.999)
            at_most = sum(each[kind] for each in seen if each[0] > now - 10.001)
            assert surely <= found[kind - 1] <= at_most
        assert len(window._slices) <= 10


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 3)), max_size=60))
def test_a_budget_allows_a_share_and_a_floor(steps: list[tuple[bool, float]]) -> None:
    clock = ManualClock()
    budget = RetryBudget(share=0.5, floor=0.2, window=10.0, clock=clock)
    calls: list[float] = []
    retries: list[float] = []

    def recent(times: list[float], seconds: float) -> int:
        return sum(1 for at in times if at > clock.monotonic() - seconds)

    for retry, pause in steps:
        clock.advance(pause)
        if not retry:
            budget.called()
            calls.append(clock.monotonic())
        elif budget.may_retry():
            retries.append(clock.monotonic())
            # What was counted is forgotten a tenth of the window early at the earliest.
            assert recent(retries, 8.9) <= 0.5 * recent(calls, 10.1) + 2.0 + 1e-6
        else:
            assert recent(retries, 10.1) + 1 > 0.5 * recent(calls, 8.9) + 2.0 - 1e-6


def test_a_budget_allows_all_of_its_share_and_no_more() -> None:
    budget = RetryBudget(share=0.2, floor=0.0, clock=ManualClock())
    for _ in range(4):
        budget.called()
    assert not budget.may_retry(), "one of four would be a quarter"
    budget.called()
    assert budget.may_retry()
    assert not budget.may_retry()
    for _ in range(995):
        budget.called()
    assert sum(budget.may_retry() for _ in range(1_000)) == 199


@pytest.mark.parametrize("wrong", [{"share": -0.1}, {"floor": -1.0}, {"window": 0.0}])
def test_budgets_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"budget|window"):
        RetryBudget(**wrong)


CLOCKS = pytest.mark.parametrize("kind", [SystemClock, ManualClock])


@CLOCKS
@asynchronous
async def test_a_limit_of_time_cancels_and_says_so(kind: type[Clock]) -> None:
    clock, ended = kind(), asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with moving(clock if isinstance(clock, ManualClock) else ManualClock()):
        with pytest.raises(TimedOut, match=r"the call took longer than 0.02 s"):
            await within(clock, 0.02, hang(), "the call")
    assert ended.is_set()


@CLOCKS
@asynchronous
async def test_what_is_in_time_is_handed_on(kind: type[Clock]) -> None:
    clock = kind()

    async def answer() -> int:
        return 1

    async def fail() -> None:
        raise TimeoutError("its own")

    async def cancelled() -> None:
        raise asyncio.CancelledError

    assert await within(clock, 9.0, answer()) == 1
    with pytest.raises(TimeoutError, match="its own"):
        await within(clock, 9.0, fail())
    with pytest.raises(asyncio.CancelledError):
        await within(clock, 9.0, cancelled())


@CLOCKS
@asynchronous
async def test_an_end_of_its_own_after_the_time_is_over_counts(kind: type[Clock]) -> None:
    async def stubborn() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 7
        return 0

    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("while it was cancelled") from None

    clock = kind()
    async with moving(clock if isinstance(clock, ManualClock) else ManualClock()):
        assert await within(clock, 0.01, stubborn()) == 7
        with pytest.raises(RuntimeError, match="while it was"):
            await within(clock, 0.01, failing())


@CLOCKS
@asynchronous
async def test_cancelling_from_outside_is_no_time_out(kind: type[Clock]) -> None:
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(within(kind(), 9.0, hang()))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()

"""Breakers: when they open, whom they let through to see, and who has a say in it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.clock import ManualClock
from headwater.errors import BadInput, CircuitOpen
from headwater.flow.breaker import Breaker, State


def called(breaker: Breaker, good: bool) -> None:
    with contextlib.suppress(RuntimeError), breaker.call():
        if not good:
            raise RuntimeError("down")


def opened(clock: ManualClock, probes: int = 2) -> Breaker:
    breaker = Breaker("bank", failures=0.5, minimum=4, pause=5.0, probes=probes, clock=clock)
    for good in (True, True, False, False):
        assert breaker.state is State.CLOSED
        called(breaker, good)
    assert breaker.state is State.OPEN
    return breaker


def test_it_opens_and_says_when_to_come_again() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(2.0)
    with pytest.raises(CircuitOpen, match="bank fails too often") as refused:
        called(breaker, good=True)
    assert refused.value.retry_after == 3.0


def test_probes_that_succeed_close_it() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(5.0)
    called(breaker, good=True)
    assert breaker.state is State.HALF_OPEN
    called(breaker, good=True)
    assert breaker.state is State.CLOSED
    for _ in range(3):
        called(breaker, good=False)
    assert breaker.state is State.CLOSED, "it counts anew"


def test_one_probe_that_fails_opens_it_again() -> None:
    clock = ManualClock()
    breaker = opened(clock)
    clock.advance(5.0)
    called(breaker, good=True)
    called(breaker, good=False)
    assert breaker.state is State.OPEN
    with pytest.raises(CircuitOpen):
        called(breaker, good=True)


def test_so_many_probes_at_a_time() -> None:
    clock = ManualClock()
    breaker = opened(clock, probes=2)
    clock.advance(5.0)
    with breaker.call(), breaker.call(), pytest.raises(CircuitOpen):
        called(breaker, good=True)
    assert breaker.state is State.CLOSED


def test_a_probe_that_is_cancelled_gives_its_place_back_and_decides_nothing() -> None:
    clock = ManualClock()
    breaker = opened(clock, probes=1)
    clock.advance(5.0)
    for _ in range(3):
        with contextlib.suppress(KeyboardInterrupt), breaker.call():
            raise KeyboardInterrupt
        assert breaker.state is State.HALF_OPEN
    called(breaker, good=True)
    assert breaker.state is State.CLOSED


def test_calls_from_before_have_no_say() -> None:
    clock = ManualClock()
    breaker = Breaker("bank", minimum=1, pause=5.0, probes=1, clock=clock)
    with contextlib.ExitStack() as late, contextlib.suppress(RuntimeError):
        late.enter_context(breaker.call())
        called(breaker, good=False)
        clock.advance(5.0)
        with breaker.call():  # the probe
            late.pop_all().__exit__(RuntimeError, RuntimeError("late"), None)
            assert breaker.state is State.HALF_OPEN
            with pytest.raises(CircuitOpen):
                called(breaker, good=True)
        assert breaker.state is State.CLOSED


def test_failures_of_long_ago_do_not_count() -> None:
    clock = ManualClock()
    breaker = Breaker("bank", minimum=2, window=10.0, clock=clock)
    for _ in range(5):
        called(breaker, good=True)
        called(breaker, good=True)
        called(breaker, good=False)
        clock.advance(11.0)
    assert breaker.state is State.CLOSED


def test_a_no_is_an_answer_unless_it_is_said_to_count() -> None:
    def ask(breaker: Breaker) -> State:
        for _ in range(3):
            with contextlib.suppress(BadInput, CircuitOpen), breaker.call():
                raise BadInput("no")
        return breaker.state

    assert ask(Breaker("bank", minimum=1, clock=ManualClock())) is State.CLOSED
    assert ask(Breaker("bank", minimum=1, counts=lambda _: True, clock=ManualClock())) is State.OPEN


@given(st.lists(st.booleans(), max_size=60), st.floats(0.1, 1), st.integers(1, 10))
def test_it_opens_at_its_share_and_not_before(outcomes: list[bool], share: float, minimum: int) -> None:
    breaker = Breaker("bank", failures=share, minimum=minimum, clock=ManualClock())
    failed = 0
    for number, good in enumerate(outcomes, 1):
        called(breaker, good)
        failed += not good
        expected = number >= minimum and failed >= share * number and not good
        assert (breaker.state is State.OPEN) == expected
        if expected:
            break


@pytest.mark.parametrize("wrong", [{"failures": 0.0}, {"failures": 1.5}, {"minimum": 0}, {"probes": 0}])
def test_breakers_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="breaker 'bank'"):
        Breaker("bank", **wrong)  # type: ignore[arg-type]

"""Dead letters: redriven in order and in waves, with another value, later, or given up; each wish is an event."""

from datetime import timedelta

import pytest
from clicks import Spoiled, click, counting, has, hits, letters, moving, rest, running, until

from headwater import Behind
from headwater.clock import ManualClock, to_datetime
from headwater.delivery.port import Letters
from headwater.testing.running import asynchronous, run


@asynchronous
async def test_redriven_letters_follow_in_order(kept_url: str) -> None:
    spoiled = Spoiled(1)
    async with running(counting(spoiled, attempts=1), store=kept_url) as runtime:
        await click(runtime, "home", "home", "home", "home")
        await until(lambda: rest(runtime, 3))
        spoiled.numbers = ()
        steps = [step async for step in runtime.dead_letters.redrive(Letters(key="home"), actor="ann")]
        assert [(step.total, step.done, step.failed) for step in steps] == [(1, 1, [])]
        await until(lambda: rest(runtime, 0))
        assert await hits(runtime) == {"home": "0,1,2,3"}
        await click(runtime, "home", start=4)
        await runtime.idle()
        assert await hits(runtime) == {"home": "0,1,2,3,4"}
        (event,) = await runtime.store.read_stream("deadletters-hits")
        assert (event.type, event.metadata.actor) == ("headwater.letters_redriven", "ann")


@asynchronous
async def test_a_letter_is_redriven_with_another_value() -> None:
    async with running(counting(Spoiled(1), attempts=1)) as runtime:
        await click(runtime, "home", "home", "home")
        await until(lambda: rest(runtime, 2))
        value = b'{"page":"home","n":7}'
        async for step in runtime.dead_letters.redrive(Letters(key="home"), value=value):
            assert not step.failed
        await until(lambda: rest(runtime, 0))
        assert await hits(runtime) == {"home": "0,7,2"}


@asynchronous
async def test_a_letter_that_fails_again_rests_on() -> None:
    async with running(counting(Spoiled(1), attempts=1)) as runtime:
        await click(runtime, "home", "home", "home")
        await until(lambda: rest(runtime, 2))
        (step,) = [step async for step in runtime.dead_letters.redrive(Letters(key="home"))]
        assert (step.done, len(step.failed)) == (0, 1)
        first, second = await letters(runtime)
        assert len(first.attempts) == 2
        assert second.waits


@asynchronous
async def test_a_discarded_letter_lets_the_others_follow() -> None:
    async with running(counting(Spoiled(1), attempts=1)) as runtime:
        await click(runtime, "home", "home", "home")
        await until(lambda: rest(runtime, 2))
        which = Letters(key="home", waiting=False)
        assert await runtime.dead_letters.discard(which, reason="a test", actor="ann") == 1
        await until(lambda: has(runtime, {"home": "0,2"}))
        assert not await letters(runtime)


@asynchronous
async def test_a_snoozed_letter_is_tried_when_its_time_has_come() -> None:
    spoiled, clock = Spoiled(1), ManualClock()
    async with running(counting(spoiled, attempts=1), clock=clock) as runtime:
        await click(runtime, "home", "home")
        await until(lambda: rest(runtime, 1), clock)
        until_then = to_datetime(clock.now()) + timedelta(hours=1)
        assert await runtime.dead_letters.snooze(Letters(key="home"), until_then) == 1
        spoiled.numbers = ()
        clock.advance(1800)
        await until(lambda: rest(runtime, 1), clock)
        assert spoiled.given.count(1) == 1
        clock.advance(1800)
        await until(lambda: has(runtime, {"home": "0,1"}), clock)


@pytest.mark.parametrize("once", [True, False])
def test_a_letter_whose_record_comes_again_after_a_crash_stays_as_it_is(kept_url: str, once: bool) -> None:
    """As where its progress was not committed: it would else wait behind itself, and what was asked for be lost."""

    async def scenario() -> None:
        failing = counting(Spoiled(1), attempts=1, once=once)
        async with running(failing, store=kept_url) as runtime:
            await click(runtime, "home", start=1, id="it")
            await until(lambda: rest(runtime, 1))
        async with running(failing, store=kept_url) as runtime:  # whose topic in memory is a new one
            later = to_datetime(runtime.clock.now()) + timedelta(hours=1)
            assert await runtime.dead_letters.snooze(Letters(key="home"), later) == 1
            before = await letters(runtime)
            await click(runtime, "home", start=1, id="it")
            await runtime.idle()
            assert await letters(runtime) == before
            assert not before[0].waits

    run(scenario())


@asynchronous
async def test_many_letters_are_redriven_in_waves() -> None:
    spoiled, clock = Spoiled(*range(60)), ManualClock()
    async with running(counting(spoiled, attempts=1, behind=Behind.PASS), clock=clock) as runtime, moving(clock):
        await click(runtime, *(f"page-{n}" for n in range(60)))
        await until(lambda: rest(runtime, 60))
        spoiled.numbers = ()
        steps = [step.done async for step in runtime.dead_letters.redrive(Letters(), rate=1e6)]
        assert steps == [1, 3, 8, 28, 48, 60]
        assert len(await hits(runtime)) == 60

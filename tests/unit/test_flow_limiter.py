"""Places, bulkheads, and limits that find themselves, on a manual clock."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import moving

from headwater.clock import ManualClock
from headwater.errors import Overloaded, TimedOut
from headwater.flow.limiter import AdaptiveLimit, Bulkhead
from headwater.flow.places import Places
from headwater.testing.running import asynchronous, run

ACTION = st.tuples(st.sampled_from(["take", "try", "give", "cancel", "turn", "resize"]), st.integers(0, 5))


@settings(max_examples=150)
@given(st.lists(ACTION, max_size=50), st.integers(1, 3))
def test_places_are_never_too_many_and_never_lost(actions: list[tuple[str, int]], limit: int) -> None:
    async def main() -> None:
        places, most, had = Places(limit), limit, 0
        order: list[int] = []
        tasks: list[asyncio.Task[None]] = []

        async def take(number: int) -> None:
            nonlocal had
            at_once = places.taken < places.limit
            await places.take()
            had += 1
            if not at_once:  # who was given a place earlier may run after one who found one free
                order.append(number)

        for action, argument in actions:
            if action == "take":
                tasks.append(asyncio.create_task(take(len(tasks))))
            elif action == "try":
                had += places.try_take()
            elif action == "give" and had:
                had -= 1
                places.give()
            elif action == "cancel" and tasks:
                tasks[argument % len(tasks)].cancel()
            elif action == "resize":
                most = max(most, argument + 1)
                places.resize(argument + 1)
            else:
                await asyncio.sleep(0)
            assert had <= places.taken <= most
            assert not places.waiting or places.taken >= places.limit
        for _ in range(3):
            await asyncio.sleep(0)
        assert places.taken == had, "no place is lost on the way"
        assert order == sorted(order), "in turn"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert places.waiting == 0

    run(main())


@asynchronous
async def test_a_bulkhead_lets_in_so_many_in_turn() -> None:
    bulkhead, order = Bulkhead("db", 2, waiting=2), list[int]()
    gates = [asyncio.Event() for _ in range(4)]

    async def work(n: int) -> None:
        async with bulkhead.place():
            order.append(n)
            await gates[n].wait()

    tasks = [asyncio.create_task(work(n)) for n in range(4)]
    await asyncio.sleep(0)
    assert (bulkhead.limit, bulkhead.inside, bulkhead.waiting, order) == (2, 2, 2, [0, 1])
    with pytest.raises(Overloaded, match="db is at its bound of 2"):
        async with bulkhead.place():
            pass
    tasks[2].cancel()
    gates[0].set()
    await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
    await asyncio.sleep(0)
    assert order == [0, 1, 3]
    for gate in gates:
        gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (bulkhead.inside, bulkhead.waiting) == (0, 0)


class Server:
    """Does `able` calls at once in 10 ms each; what is more shares that among itself."""

    def __init__(self, clock: ManualClock, able: int) -> None:
        self.clock = clock
        self.able = able
        self.inside = 0

    async def ask(self, limit: AdaptiveLimit) -> None:
        async with limit.place():
            self.inside += 1
            await self.clock.sleep(0.01 * max(1.0, (self.inside / self.able) ** 2))
            self.inside -= 1


async def burst(server: Server, limit: AdaptiveLimit, rounds: int, calls: int = 60) -> None:
    async with moving(server.clock, 0.002):
        for _ in range(rounds):
            await asyncio.gather(*(server.ask(limit) for _ in range(calls)))


@asynchronous
async def test_a_limit_shrinks_when_calls_wait_for_each_other_and_grows_when_not() -> None:
    clock = ManualClock()
    server = Server(clock, able=8)
    limit = AdaptiveLimit("api", start=8, floor=4, ceiling=100, waiting=1_000, clock=clock)
    await burst(server, limit, 30)
    first = limit.limit
    assert first < 40
    server.able = 80
    await burst(server, limit, 30)
    assert limit.limit > first
    assert limit.limit >= 30


@asynchronous
async def test_a_limit_stays_between_its_floor_and_its_ceiling() -> None:
    clock = ManualClock()
    low = AdaptiveLimit("api", start=20, floor=6, ceiling=25, waiting=1_000, clock=clock)
    await burst(Server(clock, able=100), low, 10)
    assert low.limit == 25
    shrunk: list[int] = []
    for seconds in (0.01, *(0.01 * 1.6**n for n in range(1, 60))):  # slower with each call
        async with moving(clock, seconds):
            await asyncio.gather(*(_held(low, clock, seconds) for _ in range(low.limit)))
        shrunk.append(low.limit)
    assert min(shrunk) >= 6
    assert low.limit < 25


async def _held(limit: AdaptiveLimit, clock: ManualClock, seconds: float) -> None:
    async with limit.place():
        await clock.sleep(seconds)


@asynchronous
async def test_with_few_inside_nothing_is_learnt() -> None:
    clock = ManualClock()
    few = AdaptiveLimit("api", start=40, clock=clock)
    async with moving(clock, 0.001):
        for seconds in (0.01, 0.01, 1.0, 0.001):
            await asyncio.gather(*(_held(few, clock, seconds) for _ in range(19)))
    assert few.limit == 40


@asynchronous
async def test_a_call_that_timed_out_is_a_sample_and_one_that_failed_is_none() -> None:
    clock = ManualClock()

    async def fail(limit: AdaptiveLimit, error: Exception, seconds: float) -> None:
        with contextlib.suppress(type(error)):
            async with limit.place():
                await clock.sleep(seconds)
                raise error

    def started() -> AdaptiveLimit:
        return AdaptiveLimit("api", start=20, floor=1, clock=clock)

    async def after(limit: AdaptiveLimit, error: Exception) -> int:
        await asyncio.gather(*(_held(limit, clock, 0.01) for _ in range(20)))
        limit_before = limit.limit
        for _ in range(5):
            await asyncio.gather(*(fail(limit, error, 5.0) for _ in range(limit.limit)))
        return limit.limit - limit_before

    async with moving(clock, 0.01):
        assert await after(started(), TimedOut("x", 5.0)) < 0
        assert await after(started(), RuntimeError("x")) == 0


@pytest.mark.parametrize("wrong", [{"floor": 0}, {"floor": 30}, {"ceiling": 10}])
def test_limits_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="limit 'api'"):
        AdaptiveLimit("api", start=20, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a limit of 0"):
        Bulkhead("db", 0)

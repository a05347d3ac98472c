"""Time as a port."""

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from headwater.clock import Clock, ManualClock, SystemClock, to_datetime, to_micros
from headwater.testing.running import asynchronous

zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones))
def test_microseconds_and_back_is_exact(moment: datetime) -> None:
    assert to_datetime(to_micros(moment)) == moment
    assert to_datetime(to_micros(moment)).tzinfo is UTC


def test_microseconds_count_from_1970() -> None:
    assert to_micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert to_micros(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


@asynchronous
async def test_the_system_clock_tells_the_machines_time() -> None:
    clock: Clock = SystemClock()
    assert abs(clock.now() - time.time_ns() // 1000) < 5_000_000
    before = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() >= before + 0.009


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    start = datetime(2030, 1, 2, tzinfo=UTC)
    clock = ManualClock(start)
    assert to_datetime(clock.now()) == start
    assert clock.monotonic() == 0
    clock.advance(86_400.25)
    assert to_datetime(clock.now()) == start + timedelta(days=1, milliseconds=250)
    assert clock.monotonic() == 86_400.25


@asynchronous
async def test_sleepers_wake_when_their_time_has_come_in_its_order() -> None:
    clock, woken = ManualClock(), list[str]()

    async def sleep(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("c", 3.0), ("a", 1.0), ("b2", 2.0), ("b1", 2.0)):
            group.create_task(sleep(name, seconds))
        await asyncio.sleep(0)
        clock.advance(0.999)
        await asyncio.sleep(0)
        assert woken == []
        clock.advance(1.5)
        await asyncio.sleep(0)
        assert woken == ["a", "b2", "b1"]
        clock.advance(1)
    assert woken == ["a", "b2", "b1", "c"]


@asynchronous
async def test_no_sleep_at_all_needs_no_advance() -> None:
    await ManualClock().sleep(0)
    await ManualClock().sleep(-1)


@asynchronous
async def test_a_cancelled_sleeper_harms_nobody() -> None:
    clock = ManualClock()
    one, other = (asyncio.create_task(clock.sleep(1)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    clock.advance(1)
    await other

"""Channels: first in, first out, whoever waits and whoever gives up; and what happens when they are full or closed."""

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ChannelClosed, Overloaded
from headwater.flow.channel import Channel, Overflow
from headwater.testing.running import asynchronous, run


async def spin() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynchronous
async def test_items_leave_in_their_order() -> None:
    channel: Channel[int] = Channel("c", 3)

    async def put() -> None:
        for n in range(100):
            await channel.put(n)
        channel.close()

    task = asyncio.create_task(put())
    assert [n async for n in channel] == list(range(100))
    await task
    assert channel.statistics()[:5] == (0, 3, 100, 100, 0)


@asynchronous
async def test_those_who_wait_are_served_in_turn() -> None:
    channel: Channel[int] = Channel("c", 1)
    getters = [asyncio.create_task(channel.get()) for _ in range(3)]
    await spin()
    for n in range(3):
        await channel.put(n)
    assert await asyncio.gather(*getters) == [0, 1, 2]
    putters = [asyncio.create_task(channel.put(n)) for n in range(4)]
    await spin()
    assert channel.statistics().waiting_putters == 3
    assert [await channel.get() for _ in range(4)] == [0, 1, 2, 3]
    await asyncio.gather(*putters)


@pytest.mark.parametrize(
    ("overflow", "left", "dropped", "refused"),
    [(Overflow.REFUSE, [0, 1], 0, 1), (Overflow.DROP_OLDEST, [1, 2], 1, 0), (Overflow.DROP_NEWEST, [0, 1], 1, 0)],
)
@asynchronous
async def test_when_it_is_full(overflow: Overflow, left: list[int], dropped: int, refused: int) -> None:
    channel: Channel[int] = Channel("c", 2, overflow)
    for n in range(3):
        with contextlib.suppress(Overloaded):
            await channel.put(n)
    statistics = channel.statistics()
    assert (statistics.dropped, statistics.refused) == (dropped, refused)
    assert await channel.get_many(10) == left


@asynchronous
async def test_without_waiting() -> None:
    channel: Channel[int] = Channel("c", 1)
    channel.put_nowait(1)
    with pytest.raises(Overloaded, match="channel c is at its bound of 1"):
        channel.put_nowait(2)
    assert await channel.get() == 1


@asynchronous
async def test_closing() -> None:
    channel: Channel[int] = Channel("c", 1)
    await channel.put(1)
    waiting = asyncio.create_task(channel.put(2))
    await spin()
    channel.close()
    channel.close()
    with pytest.raises(ChannelClosed):
        await waiting
    with pytest.raises(ChannelClosed):
        await channel.put(3)
    assert await channel.get() == 1
    with pytest.raises(ChannelClosed):
        await channel.get()
    other: Channel[int] = Channel("c", 1)
    getter = asyncio.create_task(other.get())
    await spin()
    other.close()
    with pytest.raises(ChannelClosed):
        await getter


@asynchronous
async def test_who_was_promised_an_item_gets_it_though_the_channel_closes() -> None:
    channel: Channel[int] = Channel("c", 2)
    first = asyncio.create_task(channel.get_many(5))
    second = asyncio.create_task(channel.get())
    await spin()
    channel.put_nowait(1)
    channel.close()
    assert await first == [1]
    with pytest.raises(ChannelClosed):
        await second


@asynchronous
async def test_what_a_cancelled_getter_leaves_goes_to_the_next_though_the_channel_closes() -> None:
    channel: Channel[int] = Channel("c", 2)
    first, second = asyncio.create_task(channel.get()), asyncio.create_task(channel.get())
    await spin()
    channel.put_nowait(1)
    channel.close()
    third = asyncio.create_task(channel.get())
    first.cancel()
    assert await second == 1
    with pytest.raises(ChannelClosed):
        await third


@pytest.mark.parametrize("overflow", Overflow)
@asynchronous
async def test_who_only_puts_starves_nobody(overflow: Overflow) -> None:
    channel: Channel[int] = Channel("c", 4, overflow)
    got = 0

    async def put() -> None:
        while not channel.statistics().dropped + channel.statistics().refused > 50 and got < 50:
            with contextlib.suppress(Overloaded):
                await channel.put(1)

    async def get() -> None:
        nonlocal got
        async for _ in channel:
            got += 1
            await asyncio.sleep(0)

    getter = asyncio.create_task(get())
    await put()
    assert got >= 10
    channel.close()
    await getter


@asynchronous
async def test_many_at_once() -> None:
    channel: Channel[int] = Channel("c", 5)
    with pytest.raises(ValueError, match="at least 1"):
        await channel.get_many(0)
    for n in range(5):
        await channel.put(n)
    assert await channel.get_many(2) == [0, 1]
    assert await channel.get_many(10) == [2, 3, 4]
    with pytest.raises(ValueError, match="capacity of 0"):
        Channel("c", 0)


ACTION = st.tuples(st.sampled_from(["put", "get", "many", "cancel", "spin", "now"]), st.integers(0, 5))


@settings(max_examples=200)
@given(st.integers(1, 3), st.lists(ACTION, max_size=40), st.booleans(), st.sampled_from(Overflow))
def test_giving_up_loses_and_doubles_nothing(
    capacity: int, actions: list[tuple[str, int]], close: bool, overflow: Overflow
) -> None:
    async def main() -> None:
        channel: Channel[int] = Channel("c", capacity, overflow)
        puts: dict[int, asyncio.Task[None]] = {}
        gets: list[asyncio.Task[None]] = []
        put: list[int] = []  # in the order in which they came in
        taken: list[int] = []

        async def put_one(number: int) -> None:
            await channel.put(number)
            put.append(number)

        async def get(limit: int) -> None:
            found = await channel.get_many(limit) if limit else [await channel.get()]
            assert 1 <= len(found) <= max(1, limit)
            taken.extend(found)

        tasks: list[asyncio.Task[None]] = []
        for number, (action, argument) in enumerate(actions):
            if action == "put":
                puts[number] = asyncio.create_task(put_one(number))
                tasks.append(puts[number])
            elif action == "now":
                with contextlib.suppress(Overloaded):
                    channel.put_nowait(number)
                    put.append(number)
            elif action in ("get", "many"):
                gets.append(asyncio.create_task(get(argument if action == "many" else 0)))
                tasks.append(gets[-1])
            elif action == "cancel" and tasks:
                tasks[argument % len(tasks)].cancel()
            else:
                await asyncio.sleep(0)
            statistics = channel.statistics()
            assert statistics.depth <= capacity
            assert statistics.taken + statistics.depth <= statistics.put
        if close:
            channel.close()
        else:
            await spin()
            for waiting in gets:
                waiting.cancel()
        await asyncio.gather(*gets, return_exceptions=True)
        while any(not task.done() for task in puts.values()) or channel.statistics().depth:
            with contextlib.suppress(ChannelClosed):
                taken += await channel.get_many(2)
            await spin()
        ends = await asyncio.gather(*puts.values(), *gets, return_exceptions=True)
        allowed = (asyncio.CancelledError, ChannelClosed) if close else (asyncio.CancelledError,)
        assert all(end is None or isinstance(end, (*allowed, Overloaded)) for end in ends)
        assert (channel.statistics().waiting_putters, channel.statistics().waiting_getters) == (0, 0)
        if overflow in (Overflow.WAIT, Overflow.REFUSE):
            assert taken == put
        else:
            assert taken == [number for number in put if number in taken], "in order, and none twice"
            assert len(put) - len(taken) == channel.statistics().dropped

    run(main())

"""Waiting for records: no longer than is needed."""

import asyncio
import time

import pytest

from headwater.streaming.port import Broker
from headwater.testing.streaming.harness import (
    DEADLINE,
    OpenBroker,
    fetch,
    new_topic,
    numbered,
    numbers,
    on_broker,
    require,
    share_out,
    with_places,
)

LONG = 60.0  # seconds; nobody here waits for so long


class TestWaiting:
    """`fetch` returns as soon as there is something, and no later than its time."""

    @on_broker
    async def test_it_ends_when_its_time_is_over(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        start = time.monotonic()
        assert await member.fetch(10, timeout=0.2) == []
        assert 0.19 <= time.monotonic() - start < DEADLINE
        assert await member.fetch(10, timeout=0) == []
        assert await member.fetch(10, timeout=-1) == []

    @on_broker
    async def test_a_publish_wakes_it(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        for n in range(5):
            waiting = asyncio.create_task(member.fetch(10, timeout=LONG))
            await asyncio.sleep(0)
            start = time.monotonic()
            await broker.publish(topic, numbered(1, start=n))
            assert numbers(await waiting) == [n]
            assert time.monotonic() - start < DEADLINE

    @with_places
    async def test_a_publish_elsewhere_wakes_it(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here:
            require(here, lambda can: can.shared, "serve several processes")
            async with await open_broker("main") as there:
                topic = await new_topic(here, 1)
                member = await here.join(topic, "workers")
                await share_out(1, member)
                for n in range(5):
                    waiting = asyncio.create_task(member.fetch(10, timeout=LONG))
                    await asyncio.sleep(0)
                    await there.publish(topic, numbered(1, start=n))
                    assert numbers(await waiting) == [n]

    @on_broker
    async def test_all_groups_are_woken(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        members = [await broker.join(topic, f"group-{n}") for n in range(4)]
        for member in members:
            await share_out(1, member)
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(member.fetch(10, timeout=LONG)) for member in members]
            await asyncio.sleep(0)
            await broker.publish(topic, numbered(1))
        assert [numbers(task.result()) for task in waiting] == [[0]] * 4

    @on_broker
    async def test_a_cancelled_wait_loses_nothing(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        for n in range(3):
            waiting = asyncio.create_task(member.fetch(10, timeout=LONG))
            await asyncio.sleep(0.01 * n)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await broker.publish(topic, numbered(2, start=2 * n))
            assert numbers(await fetch(member, 2)) == [2 * n, 2 * n + 1]

    @on_broker
    async def test_cancelled_while_records_come(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        found: list[int] = []
        for n in range(20):
            waiting = asyncio.create_task(member.fetch(10, timeout=LONG))
            await broker.publish(topic, numbered(1, start=n))
            waiting.cancel()
            try:
                found += numbers(await waiting)
            except asyncio.CancelledError:
                found += numbers(await fetch(member, n + 1 - len(found)))
        found += numbers(await fetch(member, 20 - len(found)))
        assert found == list(range(20))

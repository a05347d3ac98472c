"""Pausing: one partition for oneself, or a whole group."""

import asyncio
import time

import pytest

from headwater.errors import UnknownType, Unsupported
from headwater.streaming.port import Broker
from headwater.testing.streaming.harness import (
    DEADLINE,
    OpenBroker,
    after,
    fetch,
    new_topic,
    nothing,
    numbered,
    numbers,
    on_broker,
    require,
    share_out,
    standing,
    with_places,
)


def pauses(broker: Broker) -> None:
    """Leave the test out where groups cannot be paused."""
    require(broker, lambda can: can.pauses, "pause groups")


class TestPausingPartitions:
    """`fetch` leaves a partition out for a while."""

    @on_broker
    async def test_a_paused_one_is_left_out_until_it_is_resumed(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        member = await broker.join(topic, "workers")
        await share_out(2, member)
        member.pause(0)
        done = await broker.publish(topic, numbered(20, keys=10))
        waiting = sum(place.partition == 0 for place in done)
        assert {record.partition for record in await fetch(member, 20 - waiting)} == {1}
        await nothing(member)
        member.resume(0)
        assert {record.partition for record in await fetch(member, waiting)} == {0}

    @on_broker
    async def test_nothing_is_lost_or_repeated_in_between(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(20))
        member = await broker.join(topic, "workers")
        found = numbers(await fetch(member, 5, limit=5))
        for _ in range(3):
            member.pause(0)
            await nothing(member, 0.02)
            member.resume(0)
            found += numbers(await fetch(member, 5, limit=5))
        assert found == list(range(20))

    @on_broker
    async def test_it_ends_with_the_assignment(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(5))
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        member.pause(0)
        member.pause(7)
        await member.release([0])
        assert numbers(await fetch(member, 5)) == list(range(5))


class TestPausingGroups:
    """A paused group gets nothing, wherever its members are."""

    @on_broker
    async def test_nothing_comes_until_it_is_resumed(self, broker: Broker) -> None:
        pauses(broker)
        topic = await new_topic(broker, 2)
        members = [await broker.join(topic, "workers") for _ in range(2)]
        other = await broker.join(topic, "others")
        await share_out(2, *members)
        await broker.pause(topic, "workers")
        assert (await standing(broker, topic, "workers")).paused
        assert not (await standing(broker, topic, "others")).paused
        await broker.publish(topic, numbered(10, keys=10))
        for member in members:
            await nothing(member)
        assert len(await fetch(other, 10)) == 10, "other groups go on"
        await broker.resume(topic, "workers")
        assert not (await standing(broker, topic, "workers")).paused
        found = [record for member in members for record in await member.fetch(100, timeout=DEADLINE)]
        assert sorted(numbers(found)) == list(range(10))

    @on_broker
    async def test_resuming_wakes_who_waits(self, broker: Broker) -> None:
        pauses(broker)
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        await broker.publish(topic, numbered(3))
        await broker.pause(topic, "workers")
        waiting = asyncio.create_task(member.fetch(10, timeout=60))
        await asyncio.sleep(0)
        start = time.monotonic()
        await broker.resume(topic, "workers")
        assert numbers(await waiting) == [0, 1, 2]
        assert time.monotonic() - start < DEADLINE

    @on_broker
    async def test_what_was_begun_can_be_committed(self, broker: Broker) -> None:
        pauses(broker)
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(5))
        member = await broker.join(topic, "workers")
        found = await fetch(member, 5)
        await broker.pause(topic, "workers")
        await member.commit(after(found))
        assert (await standing(broker, topic, "workers")).records == 0

    @on_broker
    async def test_twice_is_once(self, broker: Broker) -> None:
        pauses(broker)
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(5))
        member = await broker.join(topic, "workers")
        await broker.pause(topic, "workers")
        await broker.pause(topic, "workers")
        await broker.resume(topic, "workers")
        assert numbers(await fetch(member, 5)) == list(range(5))
        await broker.resume(topic, "workers")

    @on_broker
    async def test_a_group_that_never_was(self, broker: Broker) -> None:
        pauses(broker)
        topic = await new_topic(broker, 1)
        for call in (broker.pause, broker.resume):
            with pytest.raises(UnknownType):
                await call(topic, "nobody")

    @on_broker
    async def test_a_broker_that_cannot_says_so(self, broker: Broker) -> None:
        if broker.capabilities.pauses:
            return
        topic = await new_topic(broker, 1)
        await broker.join(topic, "workers")
        with pytest.raises(Unsupported):
            await broker.pause(topic, "workers")

    @with_places
    async def test_it_reaches_other_processes_and_stays(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here:
            pauses(here)
            require(here, lambda can: can.shared and can.durable, "serve several processes and keep what they do")
            topic = await new_topic(here, 1)
            async with await open_broker("main") as there:
                member = await there.join(topic, "workers")
                await share_out(1, member)
                await here.pause(topic, "workers")
                await here.publish(topic, numbered(5))
                await nothing(member)
            async with await open_broker("main") as there:
                member = await there.join(topic, "workers")
                await nothing(member)
                await here.resume(topic, "workers")
                assert numbers(await fetch(member, 5)) == list(range(5))

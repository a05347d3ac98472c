"""The end of a broker, and its next beginning."""

import asyncio

import pytest

from headwater.errors import StoreClosed
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.port import Broker
from headwater.testing.streaming.harness import (
    OpenBroker,
    everything,
    new_topic,
    numbered,
    numbers,
    on_broker,
    require,
    share_out,
    with_places,
)


class TestClosing:
    """Closing finishes what was accepted; afterwards everything is refused."""

    @on_broker
    async def test_closing_twice_is_harmless(self, broker: Broker) -> None:
        await broker.close()
        await broker.close()
        await asyncio.gather(broker.close(), broker.close())

    @on_broker
    async def test_a_closed_broker_refuses_everything(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        await broker.close()
        calls = (
            lambda: broker.create_topic(Topic(topic, (), 1)),
            lambda: broker.topics(),
            lambda: broker.remove_topic(topic),
            lambda: broker.publish(topic, [NewRecord(b"")]),
            lambda: broker.read(topic, 0),
            lambda: broker.ends(topic),
            lambda: broker.join(topic, "workers"),
            lambda: broker.groups(topic),
            lambda: member.fetch(10, timeout=60),
        )
        for call in calls:
            with pytest.raises(StoreClosed):
                await call()
        await member.leave()

    @on_broker
    async def test_a_member_that_left_brings_nothing(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(3))
        member = await broker.join(topic, "workers")
        await member.leave()
        with pytest.raises(StoreClosed):
            await member.fetch(10, timeout=60)

    @on_broker
    async def test_who_waits_is_told(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        waiting = asyncio.create_task(member.fetch(10, timeout=60))
        await asyncio.sleep(0)
        await broker.close()
        with pytest.raises(StoreClosed):
            await waiting

    @with_places
    async def test_what_was_accepted_is_finished(self, open_broker: OpenBroker) -> None:
        broker = await open_broker("main")
        topic = await new_topic(broker, 2)
        tasks = [asyncio.create_task(broker.publish(topic, numbered(1, start=n, keys=5))) for n in range(20)]
        await asyncio.sleep(0)
        await broker.close()
        done = [place for places in await asyncio.gather(*tasks) for place in places]
        assert len(set(done)) == 20
        require(broker, lambda can: can.durable, "keep anything")
        async with await open_broker("main") as broker:
            assert sorted(numbers(await everything(broker, topic))) == list(range(20))

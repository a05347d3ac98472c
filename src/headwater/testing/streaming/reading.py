"""Reading without being a member."""

import pytest

from headwater.errors import BadInput
from headwater.streaming.port import Broker
from headwater.testing.streaming.harness import new_topic, numbered, numbers, on_broker, partition


class TestReading:
    """Pages of a partition, from any offset."""

    @on_broker
    async def test_pages_make_up_the_whole(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(25))
        for limit in (1, 7, 25, 100):
            assert numbers(await partition(broker, topic, 0, limit=limit)) == list(range(25))

    @on_broker
    async def test_it_starts_at_an_offset(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        done = await broker.publish(topic, numbered(10))
        for n, place in enumerate(done):
            found = await broker.read(topic, 0, start=place.offset, limit=3)
            assert numbers(found) == list(range(10))[n : n + 3]

    @on_broker
    async def test_there_is_nothing_beyond_the_end(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        assert await broker.read(topic, 0) == []
        await broker.publish(topic, numbered(10, keys=5))
        for each, (first, next) in (await broker.ends(topic)).items():
            assert first < next
            assert await broker.read(topic, each, start=next) == []
            assert await broker.read(topic, each, start=next + 1000) == []

    @on_broker
    async def test_ends_frame_what_is_there(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        done = await broker.publish(topic, numbered(10, keys=5))
        for each, (first, next) in (await broker.ends(topic)).items():
            offsets = [place.offset for place in done if place.partition == each]
            assert first == min(offsets)
            assert next == max(offsets) + 1

    @on_broker
    async def test_a_partition_that_is_not_there(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        for wrong in (2, -1):
            with pytest.raises(BadInput):
                await broker.read(topic, wrong)

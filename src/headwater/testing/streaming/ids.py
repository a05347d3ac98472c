"""Ids: a record that comes twice is there once, where the broker declares that it notices."""

import asyncio

from headwater.messages import NewRecord
from headwater.streaming.port import Broker
from headwater.streaming.records import Confirmed
from headwater.testing.streaming.harness import (
    OpenBroker,
    everything,
    new_id,
    new_topic,
    numbered,
    numbers,
    on_broker,
    require,
    with_places,
)


def notices(broker: Broker) -> None:
    """Leave the test out where the broker does not notice repetitions."""
    require(broker, lambda can: can.deduplicates, "notice repetitions")


class TestIds:
    """An id counts once in a topic."""

    @on_broker
    async def test_without_ids_nothing_is_a_repetition(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        for _ in range(3):
            done = await broker.publish(topic, [NewRecord(b"1", "key"), NewRecord(b"1", "key")])
            assert not any(place.repeated for place in done)
        assert len(await everything(broker, topic)) == 6

    @on_broker
    async def test_different_ids_are_no_repetitions(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        done = await broker.publish(topic, numbered(10, ids=True))
        assert not any(place.repeated for place in done)
        assert numbers(await everything(broker, topic)) == list(range(10))

    @on_broker
    async def test_a_repeated_record_stays_where_it_is(self, broker: Broker) -> None:
        notices(broker)
        topic = await new_topic(broker, 2)
        new = numbered(10, keys=3, ids=True)
        first = await broker.publish(topic, new)
        again = await broker.publish(topic, new)
        assert again == [Confirmed(place.partition, place.offset, repeated=True) for place in first]
        assert sorted(numbers(await everything(broker, topic))) == list(range(10))

    @on_broker
    async def test_repetitions_and_new_ones_may_come_together(self, broker: Broker) -> None:
        notices(broker)
        topic = await new_topic(broker, 2)
        old, new = numbered(5, keys=3, ids=True), numbered(5, start=5, keys=3, ids=True)
        await broker.publish(topic, old)
        mixed = [each for pair in zip(old, new, strict=True) for each in pair]
        done = await broker.publish(topic, [*mixed, NewRecord(b"10", "key-1")])
        assert [place.repeated for place in done] == [True, False] * 5 + [False]
        assert sorted(numbers(await everything(broker, topic))) == list(range(11))

    @on_broker
    async def test_a_repetition_in_the_same_publish(self, broker: Broker) -> None:
        notices(broker)
        topic = await new_topic(broker, 2)
        one = NewRecord(b"1", "key", new_id())
        done = await broker.publish(topic, [one, NewRecord(b"2", "key"), one])
        assert [place.repeated for place in done] == [False, False, True]
        assert done[2][:2] == done[0][:2]
        assert numbers(await everything(broker, topic)) == [1, 2]

    @on_broker
    async def test_repetitions_at_the_same_time(self, broker: Broker) -> None:
        notices(broker)
        topic = await new_topic(broker, 1)
        new = numbered(5, ids=True)
        outcomes = await asyncio.gather(*(broker.publish(topic, new) for _ in range(6)))
        assert numbers(await everything(broker, topic)) == list(range(5))
        assert sum(not place.repeated for done in outcomes for place in done) == 5

    @on_broker
    async def test_topics_are_apart(self, broker: Broker) -> None:
        one, other = await new_topic(broker), await new_topic(broker)
        new = numbered(3, ids=True)
        await broker.publish(one, new)
        done = await broker.publish(other, new)
        assert not any(place.repeated for place in done)
        assert sorted(numbers(await everything(broker, other))) == [0, 1, 2]

    @with_places
    async def test_they_are_noticed_after_opening_again(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as broker:
            require(broker, lambda can: can.durable, "keep anything")
            notices(broker)
            topic = await new_topic(broker)
            new = numbered(5, ids=True)
            await broker.publish(topic, new)
        async with await open_broker("main") as broker:
            assert all(place.repeated for place in await broker.publish(topic, new))
            assert len(await everything(broker, topic)) == 5

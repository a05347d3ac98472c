"""Retention: the oldest records go when a topic's limits say so, and no others."""

from datetime import timedelta

from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.port import Broker
from headwater.streaming.records import partition_of
from headwater.testing.streaming.harness import (
    fetch,
    new_topic,
    numbered,
    numbers,
    on_broker,
    partition,
    require,
    share_out,
    standing,
    until,
)


def retains(broker: Broker) -> None:
    """Leave the test out where nothing is removed, or not to the record."""
    require(broker, lambda can: can.retains, "remove records by the topic's limits")


def large(count: int, start: int = 0) -> list[NewRecord]:
    """Numbered records of 1,000 bytes."""
    return [NewRecord(b"%01000d" % n) for n in range(start, start + count)]


class TestRetention:
    """What is over the limits is removed from the front."""

    @on_broker
    async def test_without_limits_all_is_kept(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, large(50))
        assert numbers(await partition(broker, topic, 0)) == list(range(50))

    @on_broker
    async def test_by_size(self, broker: Broker) -> None:
        retains(broker)
        topic = await new_topic(broker, 1, max_bytes=20_000)
        for start in range(0, 60, 6):
            await broker.publish(topic, large(6, start))

        async def small() -> bool:
            first, next = (await broker.ends(topic))[0]
            return next - first <= 20

        await until(small, "the oldest are removed")
        kept = numbers(await partition(broker, topic, 0))
        assert 5 <= len(kept) <= 20
        assert kept == list(range(60))[-len(kept) :]

    @on_broker
    async def test_each_partition_for_itself(self, broker: Broker) -> None:
        retains(broker)
        topic = await new_topic(broker, 2, max_bytes=20_000)
        (small,) = await broker.publish(topic, [NewRecord(b"1", "a")])
        other = next(f"k{n}" for n in range(100) if _partition(f"k{n}") != small.partition)
        await broker.publish(topic, [NewRecord(bytes(1000), other) for _ in range(60)])

        async def removed() -> bool:
            first, next = (await broker.ends(topic))[1 - small.partition]
            return next - first <= 20

        await until(removed, "the oldest are removed")
        assert numbers(await partition(broker, topic, small.partition)) == [1]

    @on_broker
    async def test_by_age(self, broker: Broker) -> None:
        retains(broker)
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        await broker.create_topic(Topic(topic, (), 1, max_age=timedelta(seconds=0.5)))

        async def removed() -> bool:  # a server may do so one after the other
            await broker.publish(topic, [NewRecord(b"10")])
            return set(numbers(await partition(broker, topic, 0))) == {10}

        await until(removed, "the old ones are removed, and the new one is kept")

    @on_broker
    async def test_offsets_are_never_given_twice(self, broker: Broker) -> None:
        retains(broker)
        topic = await new_topic(broker, 1, max_bytes=20_000)
        seen = [place.offset for start in range(0, 60, 6) for place in await broker.publish(topic, large(6, start))]
        assert seen == sorted(set(seen))

    @on_broker
    async def test_a_group_that_is_behind_goes_on_with_what_is_left(self, broker: Broker) -> None:
        retains(broker)
        topic = await new_topic(broker, 1, max_bytes=20_000)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        await broker.publish(topic, large(60))

        async def small() -> bool:
            first, next = (await broker.ends(topic))[0]
            return next - first <= 20

        await until(small, "the oldest are removed")
        kept = len(await partition(broker, topic, 0))
        assert (await standing(broker, topic, "workers")).records == kept
        await member.release([0])
        assert numbers(await fetch(member, kept)) == list(range(60))[-kept:]


def _partition(key: str) -> int:
    return partition_of(NewRecord(b"", key), 2, 0)

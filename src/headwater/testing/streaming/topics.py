"""Topics: made, listed, changed and removed."""

import uuid
from datetime import timedelta

import pytest

from headwater.errors import Conflict, UnknownType
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
    until,
    with_places,
)


async def found(broker: Broker, name: str) -> Topic | None:
    """The topic as the broker lists it."""
    return next((topic for topic in await broker.topics() if topic.name == name), None)


class TestTopics:
    """A topic is made once, and everybody sees it."""

    @on_broker
    async def test_a_new_topic_is_listed_and_empty(self, broker: Broker) -> None:
        name = await new_topic(broker, 3)
        topic = await found(broker, name)
        assert topic
        assert topic.partitions == 3
        ends = await broker.ends(name)
        assert sorted(ends) == [0, 1, 2]
        assert all(first == next for first, next in ends.values())
        assert await broker.groups(name) == []

    @on_broker
    async def test_they_are_listed_by_name(self, broker: Broker) -> None:
        mine = {await new_topic(broker, 1) for _ in range(3)}
        listed = [topic.name for topic in await broker.topics()]
        assert listed == sorted(listed)
        assert mine <= set(listed)

    @on_broker
    async def test_making_it_again_changes_nothing(self, broker: Broker) -> None:
        name = await new_topic(broker, 1)
        await broker.publish(name, numbered(3))
        await broker.create_topic(Topic(name, (), 1))
        assert numbers(await everything(broker, name)) == [0, 1, 2]

    @on_broker
    async def test_its_limits_can_be_changed(self, broker: Broker) -> None:
        name = await new_topic(broker, 1, max_record_bytes=10_000)
        limits = Topic(
            name, (), 1, max_age=timedelta(hours=3), max_bytes=50_000_000, max_record_bytes=20_000, backlog=100
        )
        await broker.create_topic(limits)
        await broker.publish(name, [NewRecord(bytes(15_000))])
        topic = await found(broker, name)
        assert topic
        assert topic.max_record_bytes == 20_000
        if broker.capabilities.retains:
            assert (topic.max_age, topic.max_bytes) == (limits.max_age, limits.max_bytes)

    @on_broker
    async def test_its_partitions_cannot_be_changed(self, broker: Broker) -> None:
        name = await new_topic(broker, 2)
        for partitions in (1, 3):
            with pytest.raises(Conflict):
                await broker.create_topic(Topic(name, (), partitions))
        assert sorted(await broker.ends(name)) == [0, 1]

    @on_broker
    async def test_a_removed_one_is_gone_with_all_that_belonged_to_it(self, broker: Broker) -> None:
        name = await new_topic(broker, 1)
        await broker.publish(name, numbered(3))
        member = await broker.join(name, "workers")
        await member.leave()
        await broker.remove_topic(name)

        async def gone() -> bool:
            return await found(broker, name) is None

        await until(gone, "the topic is gone")
        await broker.create_topic(Topic(name, (), 1))
        assert await everything(broker, name) == []
        assert await broker.groups(name) == []

    @on_broker
    async def test_removing_one_that_is_not_there_is_no_error(self, broker: Broker) -> None:
        await broker.remove_topic(f"t-{uuid.uuid4().hex}")

    @on_broker
    async def test_one_that_is_not_there_is_unknown(self, broker: Broker) -> None:
        name = f"t-{uuid.uuid4().hex}"
        calls = (
            lambda: broker.publish(name, numbered(1)),
            lambda: broker.read(name, 0),
            lambda: broker.ends(name),
            lambda: broker.join(name, "workers"),
            lambda: broker.groups(name),
        )
        for call in calls:
            with pytest.raises(UnknownType):
                await call()

    @with_places
    async def test_what_another_makes_is_seen(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here:
            require(here, lambda can: can.shared, "serve several processes")
            async with await open_broker("main") as there:
                name = await new_topic(here)
                await there.publish(name, numbered(5, keys=2))
                assert sorted(numbers(await everything(here, name))) == list(range(5))
                await here.create_topic(Topic(name, max_record_bytes=200_000, partitions=2))
                assert (await found(there, name) or Topic("none")).max_record_bytes == 200_000

    @with_places
    async def test_a_durable_broker_has_them_again(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as broker:
            require(broker, lambda can: can.durable, "keep anything")
            name = await new_topic(broker, 3)
            await broker.publish(name, numbered(20, keys=5))
            before = await everything(broker, name)
        async with await open_broker("main") as broker:
            assert await everything(broker, name) == before
            assert len(await broker.ends(name)) == 3

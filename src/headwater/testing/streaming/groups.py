"""Groups: each record goes to one member of a group, and to every group."""

import asyncio

from headwater.streaming.port import Broker
from headwater.testing.streaming.harness import (
    OpenBroker,
    after,
    by_key,
    fetch,
    fetch_all,
    new_topic,
    nothing,
    numbered,
    numbers,
    on_broker,
    require,
    share_out,
    standing,
    until,
    with_places,
)


class TestOneMember:
    """A member alone has everything."""

    @on_broker
    async def test_it_gets_what_is_there_and_what_comes(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(10, keys=5))
        member = await broker.join(topic, "workers")
        found = await fetch(member, 10)
        assert sorted(numbers(found)) == list(range(10))
        assert sorted(member.assigned) == [0, 1]
        for n in range(10, 14):
            await broker.publish(topic, numbered(1, start=n))
            assert numbers(await fetch(member, 1)) == [n]
        await nothing(member)

    @on_broker
    async def test_each_partition_comes_in_order(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(40, keys=5))
        member = await broker.join(topic, "workers")
        found = by_key(await fetch(member, 40, limit=7))
        assert found == {f"key-{k}": list(range(k, 40, 5)) for k in range(5)}

    @on_broker
    async def test_it_brings_what_was_published(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(5, keys=2, ids=True))
        member = await broker.join(topic, "workers")
        assert await fetch(member, 5) == await broker.read(topic, 0)

    @on_broker
    async def test_no_page_is_longer_than_its_limit(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(30, keys=7))
        member = await broker.join(topic, "workers")
        left = 30
        while left:
            page = await member.fetch(4, timeout=1)
            assert len(page) <= 4
            left -= len(page)

    @on_broker
    async def test_every_partition_gets_its_turn(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(200, keys=20))
        member = await broker.join(topic, "workers")
        await share_out(2, member)
        seen = {record.partition for _ in range(10) for record in await member.fetch(5, timeout=1)}
        assert seen == {0, 1}, "a long partition does not keep the others waiting"


class TestSeveralMembers:
    """Each record goes to one of them."""

    @on_broker
    async def test_they_share_the_partitions(self, broker: Broker) -> None:
        topic = await new_topic(broker, 4)
        members = [await broker.join(topic, "workers") for _ in range(3)]
        await share_out(4, *members)
        await broker.publish(topic, numbered(40, keys=20))
        found = await fetch_all(members, 40)
        whole = [record for records in found.values() for record in records]
        assert sorted(numbers(whole)) == list(range(40))
        for member in members:
            assert {record.partition for record in found[member.name]} <= set(member.assigned)
            assert found[member.name], "there is something for each"

    @on_broker
    async def test_all_are_named_differently(self, broker: Broker) -> None:
        topic = await new_topic(broker)
        members = [await broker.join(topic, "workers") for _ in range(3)]
        await members[0].leave()
        members.append(await broker.join(topic, "workers"))
        assert len({member.name for member in members}) == 4

    @on_broker
    async def test_more_members_than_partitions(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        members = [await broker.join(topic, "workers") for _ in range(2)]
        await share_out(1, *members)
        await broker.publish(topic, numbered(10))
        found = await fetch_all(members, 10)
        assert sorted(map(len, found.values())) == [0, 10]

    @on_broker
    async def test_it_is_said_who_has_what(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        members = [await broker.join(topic, "workers") for _ in range(2)]
        await share_out(2, *members)
        expected = {p: member.name for member in members for p in member.assigned}

        async def said() -> bool:
            return {lag.partition: lag.member for lag in (await standing(broker, topic, "workers")).lags} == expected

        await until(said, "the group says who has what")

    @with_places
    async def test_they_may_be_in_several_processes(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here:
            require(here, lambda can: can.shared, "serve several processes")
            async with await open_broker("main") as there:
                topic = await new_topic(here, 2)
                members = [await here.join(topic, "workers"), await there.join(topic, "workers")]
                await share_out(2, *members)
                await here.publish(topic, numbered(10, keys=10))
                await there.publish(topic, numbered(10, start=10, keys=10))
                found = await fetch_all(members, 20)
                assert sorted(n for records in found.values() for n in numbers(records)) == list(range(20))
                assert all(found.values())


class TestSeveralGroups:
    """Every group gets all records."""

    @on_broker
    async def test_each_gets_all(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(10, keys=5))
        members = [await broker.join(topic, f"group-{n}") for n in range(3)]
        for found in await asyncio.gather(*(fetch(member, 10) for member in members)):
            assert sorted(numbers(found)) == list(range(10))

    @on_broker
    async def test_they_come_on_independently(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        one, other = await broker.join(topic, "one"), await broker.join(topic, "other")
        await one.commit(after(await fetch(one, 10)))
        await other.commit(after(await fetch(other, 4)))
        assert [group.name for group in await broker.groups(topic)] == ["one", "other"]
        assert (await standing(broker, topic, "one")).records == 0
        assert (await standing(broker, topic, "other")).records == 6

    @on_broker
    async def test_groups_of_one_name_on_two_topics_are_two(self, broker: Broker) -> None:
        one, other = await new_topic(broker), await new_topic(broker)
        await broker.publish(one, numbered(4))
        member = await broker.join(one, "workers")
        await member.commit(after(await fetch(member, 4)))
        await broker.publish(other, numbered(3))
        assert sorted(numbers(await fetch(await broker.join(other, "workers"), 3))) == [0, 1, 2]

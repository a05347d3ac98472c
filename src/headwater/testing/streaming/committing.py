"""Committing: whoever has a partition next goes on where its group was."""

from headwater.streaming.port import MAX_DONE, Broker
from headwater.streaming.records import Progress
from headwater.testing.streaming.harness import (
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


class TestCommitting:
    """Progress belongs to the group."""

    @on_broker
    async def test_what_is_committed_does_not_come_again(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(20, keys=5))
        first = await broker.join(topic, "workers")
        done = await fetch(first, 12)
        await first.commit(after(done))
        await first.leave()
        second = await broker.join(topic, "workers")
        assert sorted(numbers(done) + numbers(await fetch(second, 8))) == list(range(20))
        await nothing(second)

    @on_broker
    async def test_what_is_not_committed_comes_again(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        first = await broker.join(topic, "workers")
        found = await fetch(first, 10)
        await first.commit(after(found[:4]))
        await first.leave()
        second = await broker.join(topic, "workers")
        assert numbers(await fetch(second, 6)) == list(range(4, 10))

    @on_broker
    async def test_without_a_commit_a_member_goes_on_all_the_same(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        member = await broker.join(topic, "workers")
        assert numbers(await fetch(member, 4) + await fetch(member, 6)) == list(range(10))

    @on_broker
    async def test_it_never_goes_backwards(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        member = await broker.join(topic, "workers")
        found = await fetch(member, 10)
        await member.commit(after(found[:8]))
        await member.commit(after(found[:3]))
        assert (await standing(broker, topic, "workers")).records == 2

    @on_broker
    async def test_what_is_done_beyond_is_handed_on(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        first = await broker.join(topic, "workers")
        found = await fetch(first, 10)
        for done in ("1-2", "x" * MAX_DONE, "", "3,5-6"):
            reached = Progress(found[2].offset, done)
            await first.commit({0: reached})
        await first.leave()
        second = await broker.join(topic, "workers")
        assert numbers(await fetch(second, 8)) == list(range(2, 10)), "brokers do not read what is done"
        assert second.assigned[0].progress == reached

    @on_broker
    async def test_what_is_not_assigned_is_left_out(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(20, keys=10))
        one, other = await broker.join(topic, "workers"), await broker.join(topic, "workers")
        await share_out(2, one, other)
        await one.commit({0: Progress(1), 1: Progress(1), 7: Progress(1)})
        committed = {lag.partition: lag.committed for lag in (await standing(broker, topic, "workers")).lags}
        assert {p: next > 0 for p, next in committed.items()} == {p: p in one.assigned for p in (0, 1)}

    @on_broker
    async def test_nothing_to_commit(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await member.commit({})
        await share_out(1, member)
        await member.commit({})

    @with_places
    async def test_it_is_kept(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as broker:
            require(broker, lambda can: can.durable, "keep anything")
            topic = await new_topic(broker, 2)
            await broker.publish(topic, numbered(20, keys=5))
            member = await broker.join(topic, "workers")
            done = await fetch(member, 12)
            await member.commit(after(done))
        async with await open_broker("main") as broker:
            assert (await standing(broker, topic, "workers")).records == 8
            member = await broker.join(topic, "workers")
            assert sorted(numbers(done) + numbers(await fetch(member, 8))) == list(range(20))


class TestLag:
    """How far a group is behind."""

    @on_broker
    async def test_it_counts_what_is_not_committed(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        member = await broker.join(topic, "workers")
        assert (await standing(broker, topic, "workers")).records == 0
        await broker.publish(topic, numbered(20, keys=5))
        assert (await standing(broker, topic, "workers")).records == 20
        found = await fetch(member, 20)
        assert (await standing(broker, topic, "workers")).records == 20, "fetched is not worked off"
        await member.commit(after(found[:5]))
        assert (await standing(broker, topic, "workers")).records == 15
        await member.commit(after(found))
        group = await standing(broker, topic, "workers")
        assert (group.records, group.topic, group.paused) == (0, topic, False)

    @on_broker
    async def test_partition_by_partition(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        member = await broker.join(topic, "workers")
        done = await broker.publish(topic, numbered(20, keys=5))
        await share_out(2, member)
        await member.commit({0: Progress(min(place.offset for place in done if place.partition == 0) + 1)})
        lags = (await standing(broker, topic, "workers")).lags
        ends = await broker.ends(topic)
        assert [(lag.partition, lag.end) for lag in lags] == [(0, ends[0][1]), (1, ends[1][1])]
        counts = [sum(place.partition == p for place in done) for p in (0, 1)]
        assert [lag.records for lag in lags] == [counts[0] - 1, counts[1]]

    @on_broker
    async def test_it_is_known_while_nobody_works(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        member = await broker.join(topic, "workers")
        await share_out(1, member)
        await member.leave()
        await broker.publish(topic, numbered(5))
        (lag,) = (await standing(broker, topic, "workers")).lags
        assert (lag.records, lag.member) == (5, "")

"""Members come, go and die: their partitions find others, with nothing lost."""

import asyncio

from headwater.streaming.port import Broker, Member
from headwater.streaming.records import Progress
from headwater.testing.streaming.elsewhere import Elsewhere
from headwater.testing.streaming.harness import (
    DEADLINE,
    DRAIN,
    SESSION,
    OpenBroker,
    after,
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


class TestComing:
    """One who comes gets its share."""

    @on_broker
    async def test_it_gets_its_share_while_work_goes_on(self, broker: Broker) -> None:
        topic = await new_topic(broker, 4)
        await broker.publish(topic, numbered(20, keys=20))
        one = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
        first = await fetch(one, 20)
        await one.commit(after(first))
        other = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
        came = await share_out(4, one, other)
        assert came == [], "all of it was committed"
        assert len(one.assigned) == len(other.assigned) == 2
        await broker.publish(topic, numbered(20, start=20, keys=20))
        found = await fetch_all([one, other], 20)
        assert sorted(n for records in found.values() for n in numbers(records)) == list(range(20, 40))
        assert all(found.values())

    @on_broker
    async def test_who_stays_keeps_what_it_may(self, broker: Broker) -> None:
        topic = await new_topic(broker, 4)
        one = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
        await share_out(4, one)
        before = dict(one.assigned)
        other = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
        await share_out(4, one, other)
        assert one.assigned.items() <= before.items(), "under the same generations"

    @on_broker
    async def test_fetch_tells_at_once(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        one = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
        await share_out(2, one)
        loop = asyncio.get_running_loop()
        start = loop.time()
        waiting = asyncio.create_task(_changes(one))
        other = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
        await waiting
        assert loop.time() - start < DEADLINE
        assert len(one.leaving) == 1 or len(one.assigned) == 1
        await share_out(2, one, other)

    @on_broker
    async def test_generations_grow(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        seen = []
        for _ in range(3):
            member = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
            await share_out(1, member)
            seen.append(member.assigned[0].generation)
            await member.leave()
        assert seen == sorted(set(seen))


async def _changes(member: Member) -> None:
    """Until fetch has told a change. It brings nothing."""
    before = dict(member.assigned), set(member.leaving)
    while before == (dict(member.assigned), set(member.leaving)):
        assert await member.fetch(10, timeout=60) == []


class TestGoing:
    """One who leaves is replaced at once."""

    @on_broker
    async def test_the_others_go_on_where_it_was(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        one = await broker.join(topic, "workers", session=60)
        other = await broker.join(topic, "workers", session=60)
        await share_out(2, one, other)
        await broker.publish(topic, numbered(20, keys=10))
        found = await fetch_all([one, other], 20)
        await one.commit(after(found[one.name][:3]))
        await other.commit(after(found[other.name]))
        await one.leave()
        assert dict(one.assigned) == {}
        again = await share_out(2, other)
        left = found[one.name][3:]
        again += await fetch(other, len(left) - len(again))
        assert sorted(numbers(again)) == sorted(numbers(left))
        await nothing(other)

    @on_broker
    async def test_leaving_twice_is_no_error(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        member = await broker.join(topic, "workers")
        await share_out(2, member)
        await member.leave()
        await member.leave()
        await member.release([0, 1])
        await member.commit({0: Progress(5)})
        assert (await standing(broker, topic, "workers")).lags[0].committed == 0

    @with_places
    async def test_closing_the_broker_leaves_all_groups(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here:
            require(here, lambda can: can.shared, "serve several processes")
            topic = await new_topic(here, 2)
            one = await here.join(topic, "workers", session=60)
            there = await open_broker("main")
            other = await there.join(topic, "workers", session=60)
            await share_out(2, one, other)
            await there.close()
            await share_out(2, one)


class TestDying:
    """One that gives no sign of life loses its partitions, and can do no harm when it comes back."""

    @with_places
    async def test_others_take_over(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here, Elsewhere(open_broker, "main") as there:
            require(here, lambda can: can.shared, "serve several processes")
            topic = await new_topic(here, 2)
            dying = await there.join(topic, "workers", session=SESSION, drain=DRAIN)
            await share_out(2, dying)
            await here.publish(topic, numbered(10, keys=5))
            found = await fetch(dying, 10)
            await dying.commit(after(found[:1]))
            await there.freeze()
            other = await here.join(topic, "workers", session=SESSION, drain=DRAIN)
            again = await fetch(other, 9)
            assert sorted(numbers(again)) == sorted(numbers(found[1:]))
            await share_out(2, other)

    @with_places
    async def test_a_slow_one_does_not_die(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as broker:
            require(broker, lambda can: can.shared, "serve several processes")
            topic = await new_topic(broker, 1)
            slow = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
            idle = await broker.join(topic, "workers", session=SESSION, drain=DRAIN)
            await share_out(1, slow, idle)
            await nothing(idle if slow.assigned else slow, 1.5 * SESSION)
            assert (await standing(broker, topic, "workers")).lags[0].member == (slow if slow.assigned else idle).name

    @with_places
    async def test_a_stale_one_commits_nothing(self, open_broker: OpenBroker) -> None:
        async with await open_broker("main") as here, Elsewhere(open_broker, "main") as there:
            require(here, lambda can: can.shared, "serve several processes")
            require(here, lambda can: can.fences, "fence")
            topic = await new_topic(here, 1)
            stale = await there.join(topic, "workers", session=SESSION, drain=DRAIN)
            await share_out(1, stale)
            await here.publish(topic, numbered(10))
            found = await fetch(stale, 10)
            await there.freeze()
            other = await here.join(topic, "workers", session=SESSION, drain=DRAIN)
            await other.commit(after((await fetch(other, 10))[:3]))
            there.thaw()
            await stale.commit(after(found))
            assert (await standing(here, topic, "workers")).records == 7

            async def told() -> bool:
                assert await stale.fetch(100, timeout=0.1) == []
                return not stale.assigned

            await until(told, "the one that came back knows that it has lost its partition")

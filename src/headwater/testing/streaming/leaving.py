"""Handing over: a member that is asked for a partition finishes what it has begun, for a while."""

from headwater.streaming.port import Broker, Member
from headwater.testing.streaming.harness import (
    after,
    fetch,
    new_topic,
    nothing,
    numbered,
    numbers,
    on_broker,
    share_out,
    standing,
    until,
)

LONG = 60.0


async def asked(member: Member) -> None:
    """Fetch until the member is asked to hand something over."""

    async def is_asked() -> bool:
        await member.fetch(100, timeout=0.1)
        return bool(member.leaving)

    await until(is_asked, "the member is asked to hand over")


class TestLeaving:
    """`leaving` names what is to be handed over."""

    @on_broker
    async def test_until_it_is_released_nobody_else_has_it(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(20, keys=10))
        one = await broker.join(topic, "workers", session=LONG, drain=LONG)
        found = await fetch(one, 20)
        other = await broker.join(topic, "workers", session=LONG, drain=LONG)
        await asked(one)
        (leaving,) = one.leaving
        assert sorted(one.assigned) == [0, 1], "it still has it"
        await nothing(other)
        await one.commit(after(found))
        await one.release(one.leaving)
        assert sorted(one.assigned) == [1 - leaving]
        assert list(one.leaving) == []
        await share_out(2, one, other)
        await nothing(other)
        assert (await standing(broker, topic, "workers")).records == 0

    @on_broker
    async def test_no_more_of_its_records_come(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        one = await broker.join(topic, "workers", session=LONG, drain=LONG)
        await share_out(2, one)
        other = await broker.join(topic, "workers", session=LONG, drain=LONG)
        await asked(one)
        (leaving,) = one.leaving
        done = await broker.publish(topic, numbered(20, keys=10))
        staying = sum(place.partition != leaving for place in done)
        found: list[int] = []
        while len(found) < staying:
            page = await one.fetch(100, timeout=5)
            assert leaving not in {record.partition for record in page}
            found += numbers(page)
        await nothing(one)
        await one.release([leaving])
        came = await share_out(2, one, other)
        came += await fetch(other, 20 - staying - len(came))
        assert {record.partition for record in came} == {leaving}

    @on_broker
    async def test_after_a_while_it_is_taken_away(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        await broker.publish(topic, numbered(20, keys=10))
        one = await broker.join(topic, "workers", session=LONG, drain=0.3)
        found = await fetch(one, 20)
        other = await broker.join(topic, "workers", session=LONG, drain=0.3)
        await asked(one)
        (leaving,) = one.leaving
        theirs = [record for record in found if record.partition == leaving]
        again = await fetch(other, len(theirs))
        assert numbers(again) == numbers(theirs), "it was not committed"
        await one.commit(after(found))
        lags = (await standing(broker, topic, "workers")).lags
        assert [lag.records for lag in lags if lag.partition == leaving] == [len(theirs)], "too late"
        assert [lag.records for lag in lags if lag.partition != leaving] == [0]

        async def told() -> bool:
            await one.fetch(100, timeout=0.1)
            return leaving not in one.assigned

        await until(told, "it knows that it has lost it")

    @on_broker
    async def test_what_nobody_asked_for_can_be_released_too(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        member = await broker.join(topic, "workers", session=LONG, drain=LONG)
        await share_out(2, member)
        before = dict(member.assigned)
        await member.release([0, 5])
        assert sorted(member.assigned) == [1]
        await share_out(2, member)
        assert member.assigned[0].generation > before[0].generation, "it is assigned anew"
        assert member.assigned[1] == before[1]

    @on_broker
    async def test_a_released_one_begins_where_the_group_is(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        await broker.publish(topic, numbered(10))
        member = await broker.join(topic, "workers", session=LONG, drain=LONG)
        found = await fetch(member, 10)
        await member.commit(after(found[:6]))
        await member.release([0])
        await member.commit(after(found))
        assert numbers(await fetch(member, 4)) == [6, 7, 8, 9], "the last commit was too late"

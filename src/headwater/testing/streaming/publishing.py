"""Publishing: what goes in comes out, in order, at the places that were confirmed."""

import asyncio
from collections import Counter

from headwater.clock import SystemClock
from headwater.messages import NewRecord
from headwater.streaming.port import MAX_BATCH, MAX_ID_CHARS, MAX_KEY_CHARS, Broker
from headwater.streaming.records import partition_of
from headwater.testing.streaming.harness import (
    by_key,
    everything,
    lie,
    new_id,
    new_topic,
    numbered,
    numbers,
    on_broker,
    partition,
)


class TestPublishing:
    """A publish is confirmed when its records are there."""

    @on_broker
    async def test_it_says_where_each_record_lies(self, broker: Broker) -> None:
        topic = await new_topic(broker, 3)
        done = await broker.publish(topic, numbered(20, keys=7))
        lying = {number: lie(record) for number, record in enumerate(await everything(broker, topic))}
        assert sorted(done) == sorted(lying.values())
        for n, place in enumerate(done):
            (record,) = await broker.read(topic, place.partition, start=place.offset, limit=1)
            assert (record.value, record.offset) == (b"%d" % n, place.offset)

    @on_broker
    async def test_what_is_confirmed_can_be_read_at_once(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        for new in numbered(10):
            (place,) = await broker.publish(topic, [new])
            assert [record.value for record in await broker.read(topic, 0, start=place.offset)] == [new.value]

    @on_broker
    async def test_a_partition_keeps_the_order_of_publishing(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        for start in range(0, 50, 10):
            await broker.publish(topic, numbered(10, start=start))
        assert numbers(await partition(broker, topic, 0)) == list(range(50))

    @on_broker
    async def test_a_record_keeps_all_that_it_came_with(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        headers = {"content-type": "application/json", "ce_type": "ordered", "note": "Grüße, 世界\n"}
        new = NewRecord(b"\0\xff value", "a key", new_id(), headers, 1_234_567_890_123_000)
        await broker.publish(topic, [new])
        (found,) = await broker.read(topic, 0)
        assert (found.value, found.key, found.id, dict(found.headers)) == (new.value, new.key, new.id, headers)
        assert found.time // 1000 == new.time // 1000, "to the millisecond at least"
        assert found.topic == topic

    @on_broker
    async def test_what_was_left_out_stays_out(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        now = SystemClock().now()
        await broker.publish(topic, [NewRecord(b""), NewRecord(b"", "")])
        first, second = await broker.read(topic, 0)
        assert (first.value, first.key, first.id, dict(first.headers)) == (b"", None, "", {})
        assert (second.value, second.key) == (b"", "")
        assert abs(first.time - now) < 60_000_000, "the broker's own time"

    @on_broker
    async def test_odd_keys_and_ids(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        keys = ["k" * MAX_KEY_CHARS, "ключ", "世界" * 60, "a b", "a.b*>#/\\", "\n", "'\";--", " "]
        ids = ["i" * MAX_ID_CHARS, "a.b*>#/\\", "'\";--", "{}[]"]
        ids = [f"{new_id()}{id}"[:MAX_ID_CHARS] for id in ids]
        new = [NewRecord(b"k", key) for key in keys] + [NewRecord(b"i", "key", id) for id in ids]
        await broker.publish(topic, new)
        found = await everything(broker, topic)
        assert Counter(record.key for record in found if record.value == b"k") == Counter(keys)
        assert {record.id for record in found if record.value == b"i"} == set(ids)

    @on_broker
    async def test_nothing_to_publish(self, broker: Broker) -> None:
        topic = await new_topic(broker)
        assert await broker.publish(topic, []) == []
        assert await everything(broker, topic) == []

    @on_broker
    async def test_as_many_as_are_allowed_at_once(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        done = await broker.publish(topic, numbered(MAX_BATCH, keys=100))
        assert len(set(done)) == MAX_BATCH
        found = await everything(broker, topic)
        assert len(found) == MAX_BATCH
        assert all(each == sorted(each) for each in by_key(found).values())


class TestKeys:
    """Records of one key lie in one partition, in order; where, is the same for all brokers."""

    @on_broker
    async def test_a_key_says_which_partition(self, broker: Broker) -> None:
        topic = await new_topic(broker, 4)
        new = numbered(40, keys=13)
        done = await broker.publish(topic, new)
        assert [place.partition for place in done] == [partition_of(record, 4, 0) for record in new]
        assert len({place.partition for place in done}) == 4

    @on_broker
    async def test_without_a_key_the_id_does(self, broker: Broker) -> None:
        topic = await new_topic(broker, 4)
        new = numbered(20, ids=True)
        done = await broker.publish(topic, new)
        assert [place.partition for place in done] == [partition_of(record, 4, 0) for record in new]

    @on_broker
    async def test_with_neither_they_are_spread(self, broker: Broker) -> None:
        topic = await new_topic(broker, 4)
        done = [place for _ in range(8) for place in await broker.publish(topic, numbered(1))]
        done += await broker.publish(topic, numbered(8))
        assert len({place.partition for place in done}) == 4

    @on_broker
    async def test_each_keeps_its_order_over_many_calls(self, broker: Broker) -> None:
        topic = await new_topic(broker, 3)
        for start in range(0, 60, 12):
            await broker.publish(topic, numbered(12, start=start, keys=5))
        found = by_key(await everything(broker, topic))
        assert found == {f"key-{k}": [n for n in range(60) if n % 5 == k] for k in range(5)}


class TestTogether:
    """Many publish at once through one broker object."""

    @on_broker
    async def test_calls_that_are_not_waited_for_keep_their_order(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)
        async with asyncio.TaskGroup() as group:
            for n in range(30):
                group.create_task(broker.publish(topic, numbered(2, start=2 * n, keys=2)))
        found = by_key(await everything(broker, topic))
        assert found == {"key-0": list(range(0, 60, 2)), "key-1": list(range(1, 60, 2))}

    @on_broker
    async def test_nothing_is_lost_or_mixed_up(self, broker: Broker) -> None:
        topic = await new_topic(broker, 2)

        async def publish(publisher: int) -> None:
            for n in range(10):
                (place,) = await broker.publish(topic, [NewRecord(b"%d" % (publisher * 100 + n), f"p-{publisher}")])
                (record,) = await broker.read(topic, place.partition, start=place.offset, limit=1)
                assert record.value == b"%d" % (publisher * 100 + n)

        async with asyncio.TaskGroup() as group:
            for publisher in range(8):
                group.create_task(publish(publisher))
        found = by_key(await everything(broker, topic))
        assert found == {f"p-{p}": [p * 100 + n for n in range(10)] for p in range(8)}

    @on_broker
    async def test_one_that_is_refused_harms_no_other(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1, max_record_bytes=1000)
        good = [broker.publish(topic, numbered(1, start=n)) for n in range(5)]
        bad = [broker.publish(topic, [NewRecord(bytes(1001))]) for _ in range(5)]
        mixed = [each for pair in zip(good, bad, strict=True) for each in pair]
        outcomes = await asyncio.gather(*mixed, return_exceptions=True)
        assert [isinstance(each, Exception) for each in outcomes] == [False, True] * 5
        assert numbers(await partition(broker, topic, 0)) == list(range(5))

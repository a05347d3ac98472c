"""What can never succeed is refused, with nothing published."""

import pytest

from headwater.errors import BadInput, InvalidName, RecordTooLarge
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.port import MAX_BATCH, MAX_HEADERS_CHARS, MAX_ID_CHARS, MAX_KEY_CHARS, Broker
from headwater.testing.streaming.harness import everything, new_id, new_topic, numbered, numbers, on_broker

BAD = [
    NewRecord(b"", "k" * (MAX_KEY_CHARS + 1)),
    NewRecord(b"", "a\0b"),
    NewRecord(b"", "half \ud83d"),
    NewRecord(b"", headers={"a": "half \ud83d"}),
    NewRecord(b"", id="i" * (MAX_ID_CHARS + 1)),
    NewRecord(b"", id="two words"),
    NewRecord(b"", id="ä"),
    NewRecord(b"", id="a\nb"),
    NewRecord(b"", headers={"Upper": "1"}),
    NewRecord(b"", headers={"": "1"}),
    NewRecord(b"", headers={"a b": "1"}),
    NewRecord(b"", headers={"a:b": "1"}),
    NewRecord(b"", headers={"a": "b\0c"}),
    NewRecord(b"", headers={"a": "b" * MAX_HEADERS_CHARS}),
]


class TestRefusing:
    """One bad record refuses the whole publish."""

    @on_broker
    async def test_bad_records(self, broker: Broker) -> None:
        topic = await new_topic(broker)
        for bad in BAD:
            with pytest.raises(BadInput):
                await broker.publish(topic, [*numbered(3, keys=2), bad])
        assert await everything(broker, topic) == []

    @on_broker
    async def test_a_record_that_is_too_large(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1, max_record_bytes=1000)
        await broker.publish(topic, [NewRecord(bytes(1000), "key", new_id())])
        with pytest.raises(RecordTooLarge) as caught:
            await broker.publish(topic, [*numbered(3), NewRecord(bytes(1001))])
        assert (caught.value.topic, caught.value.size, caught.value.limit) == (topic, 1001, 1000)
        assert len(await everything(broker, topic)) == 1

    @on_broker
    async def test_too_many_at_once(self, broker: Broker) -> None:
        topic = await new_topic(broker)
        with pytest.raises(BadInput):
            await broker.publish(topic, numbered(MAX_BATCH + 1))
        assert await everything(broker, topic) == []

    @on_broker
    async def test_bad_names_of_groups(self, broker: Broker) -> None:
        topic = await new_topic(broker)
        for name in ("", "a b", "a.b", "ä", "g" * 64, "a/b", "*"):
            with pytest.raises(InvalidName):
                await broker.join(topic, name)
        assert await broker.groups(topic) == []

    @on_broker
    async def test_it_goes_on_afterwards(self, broker: Broker) -> None:
        topic = await new_topic(broker, 1)
        for n, bad in enumerate(BAD):
            with pytest.raises(BadInput):
                await broker.publish(topic, [bad])
            await broker.publish(topic, numbered(1, start=n))
        assert numbers(await everything(broker, topic)) == list(range(len(BAD)))

    def test_bad_names_of_topics(self) -> None:
        for name in ("", "a b", "a.b", "ä", "t" * 64, "a/b", "*"):
            with pytest.raises(InvalidName):
                Topic(name)

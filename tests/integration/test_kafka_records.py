"""Records as others on the same cluster see them, and those of others as they are seen here."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from headwater.adapters.kafka.broker import KafkaBroker
from headwater.errors import RecordTooLarge, UnknownType
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.testing.kafka import KafkaCluster, kafka_cluster
from headwater.testing.running import asynchronous
from headwater.testing.streaming.harness import fetch

TIME = 1_234_567_890_123_456  # microseconds
ODD: list[tuple[str, str | bytes | None]] = [("Trace", b"\xff1"), ("empty", None), ("twice", b"1"), ("twice", b"2")]


@pytest.fixture
def servers(kafka: KafkaCluster) -> str:
    """The cluster's address as others write it."""
    return kafka.url("").removeprefix("kafka://")


@pytest.fixture
def producer(servers: str) -> Iterator[Producer]:
    """Somebody else, who publishes."""
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    yield producer
    producer.close()


def message(servers: str, topic: str) -> Message:
    """The first message of a topic, as others see it."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "others", "log_level": 0})
    consumer.list_topics(topic, timeout=10)
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.poll(10)
    consumer.close()
    assert found is not None
    assert not found.error()
    return found


class TestOurs:
    @asynchronous
    async def test_a_record_is_what_a_cloud_event_is_on_kafka(self, kafka: KafkaCluster, servers: str) -> None:
        headers = {"ce-type": "ordered", "ce-id": "7", "ce_type": "mine", "content-type": "application/json"}
        async with await KafkaBroker.open(kafka.url()) as broker:
            await broker.create_topic(Topic("ours", partitions=1))
            await broker.publish("ours", [NewRecord(b"{}", "ключ", "7", headers, TIME)])
            found = message(servers, "ours")
            assert (found.key(), found.value(), found.timestamp()[1]) == ("ключ".encode(), b"{}", TIME // 1000)
            assert dict(found.headers() or ()) == {
                "ce_type": b"ordered", "ce_id": b"7", "headwater.ce_type": b"mine", "content-type": b"application/json",
            }  # fmt: skip
            (record,) = await broker.read("ours", 0)
            assert (record.id, record.headers, record.time) == ("7", headers, TIME // 1000 * 1000)

    @asynchronous
    async def test_ids_of_its_own(self, kafka: KafkaCluster) -> None:
        async with await KafkaBroker.open(kafka.url()) as broker:
            await broker.create_topic(Topic("ids", partitions=1))
            new = [NewRecord(b"", "k", "a", {"ce-id": "b"}), NewRecord(b"", "k", "", {"ce-id": "b"})]
            await broker.publish("ids", new)
            found = await broker.read("ids", 0)
            assert [(record.id, record.headers) for record in found] == [("a", {"ce-id": "b"}), ("", {"ce-id": "b"})]


class TestTheirs:
    @asynchronous
    async def test_whatever_is_in_them_they_can_be_read(
        self, kafka: KafkaCluster, servers: str, producer: Producer
    ) -> None:
        admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        admin.create_topics([NewTopic("theirs", 1)])["theirs"].result()
        producer.produce("theirs", b"1", b"\xff\x00", 0, headers=ODD)
        producer.produce("theirs", None, None, 0, headers={"ce_id": b"7", "ce_type": b"ordered"})
        producer.produce("theirs", b"3", "k", 0, headers={"ce_id": b"two words"}, timestamp=1_234_567_890_123)
        producer.flush()
        async with await KafkaBroker.open(f"{kafka.url()}&group.prefix=theirs.") as broker:
            (topic,) = [each for each in await broker.topics() if each.name == "theirs"]
            assert (topic.partitions, topic.max_age, topic.max_bytes) == (1, None, None)
            odd, event, late = await fetch(await broker.join("theirs", "g"), 3)
            assert (odd.key, odd.headers) == ("\\xff\x00", {"trace": "\\xff1", "empty": "", "twice": "2"})
            assert (event.value, event.key, event.id) == (b"", None, "7")
            assert event.headers == {"ce-id": "7", "ce-type": "ordered"}
            assert (late.id, late.time) == ("", 1_234_567_890_123_000)
            assert odd.identity == f"theirs/0/0/{odd.time}"


class TestLimits:
    @asynchronous
    async def test_what_is_as_large_as_may_be(self, kafka: KafkaCluster) -> None:
        async with await KafkaBroker.open(kafka.url()) as broker:
            await broker.create_topic(Topic("large", partitions=1))
            largest = bytes(Topic.max_record_bytes)
            await broker.publish("large", [NewRecord(largest)] * 2)
            assert [record.value for record in await broker.read("large", 0)] == [largest] * 2
            with pytest.raises(RecordTooLarge):
                await broker.publish("large", [NewRecord(largest + b"1")])

    @asynchronous
    async def test_what_is_gone_is_gone(self) -> None:
        """Reading begins with what is there; a group that is behind goes on with it."""
        with kafka_cluster() as kafka:
            async with await KafkaBroker.open(kafka.url()) as broker:
                await broker.create_topic(Topic("old", partitions=1))
                for n in range(10):
                    await broker.publish("old", [NewRecord(b"%d" % n)])
                kafka.trim("old", 0, 6)
                assert await broker.ends("old") == {0: (6, 10)}
                assert [record.offset for record in await broker.read("old", 0)] == [6, 7, 8, 9]
                member = await broker.join("old", "g")
                assert [record.offset for record in await fetch(member, 4)] == [6, 7, 8, 9]
                (group,) = await broker.groups("old")
                assert group.records == 4

    @asynchronous
    async def test_a_topic_removed_elsewhere(self, kafka: KafkaCluster, servers: str) -> None:
        async with await KafkaBroker.open(kafka.url()) as broker:
            await broker.create_topic(Topic("removed", partitions=1))
            admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
            admin.delete_topics(["removed"])["removed"].result()
            with pytest.raises(UnknownType):
                await broker.ends("removed")
            assert "removed" not in [topic.name for topic in await broker.topics()]

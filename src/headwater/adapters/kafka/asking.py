"""Asking a cluster about topics, groups and offsets, and reading pages of partitions: each answered in bounded time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # what it exports is in its documentation only
    AdminClient,
    AlterConfigOpType,  # pyright: ignore[reportPrivateImportUsage]
    ClusterMetadata,  # pyright: ignore[reportPrivateImportUsage]
    ConfigEntry,  # pyright: ignore[reportPrivateImportUsage]
    ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
    NewTopic,  # pyright: ignore[reportPrivateImportUsage]
    OffsetSpec,  # pyright: ignore[reportPrivateImportUsage]
)

from headwater.adapters.kafka.address import Address
from headwater.adapters.kafka.faults import error_of, meaning, translate
from headwater.adapters.kafka.wire import decode
from headwater.clock import Clock
from headwater.errors import Conflict, StoreUnavailable, UnknownType
from headwater.messages import Offset, Record

T = TypeVar("T")

AT_ONCE = 1000  # records that are taken from the client together
POLL = 0.1  # seconds
RETRY = 0.05  # seconds
LEAST = 0.2  # seconds that a question is given, however late it is
FIRST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call] # pyright: ignore[reportAssignmentType]
NEXT: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call] # pyright: ignore[reportAssignmentType]


def learn(consumer: Consumer, topic: str, patience: float) -> None:
    """Have a client know where a topic's partitions are. By itself it asks once a second, when it has to read one."""
    consumer.list_topics(topic, timeout=patience)


class Cluster:
    """The cluster, to be asked. Every call raises StoreUnavailable, StoreRefused; UnknownType where a topic is named
    that is not there."""

    def __init__(self, address: Address, clock: Clock) -> None:
        self.address = address
        self._clock = clock
        try:
            self._admin = AdminClient(address.admin())
            self._consumer = Consumer({**address.reader(), "enable.partition.eof": True, "fetch.wait.max.ms": 10})
        except KafkaException as error:
            raise translate(error, address.shown) from error
        # These calls of the client block. Pages are read one after the other, as there is one consumer for them.
        self._asking = ThreadPoolExecutor(2, "kafka-asking")
        self._reading = ThreadPoolExecutor(1, "kafka-reading")

    # -- topics

    async def size(self) -> int:
        """How many brokers there are."""
        return len((await self._metadata()).brokers)

    async def partitions(self) -> dict[str, int]:
        """All topics there are, and how many partitions they have."""
        topics = (await self._metadata()).topics
        return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}

    async def _metadata(self) -> ClusterMetadata:
        return await self._persist(
            lambda left: self._blocking(self._asking, lambda: self._admin.list_topics(timeout=left))
        )

    async def create(self, name: str, partitions: int, replicas: int, config: Mapping[str, str]) -> bool:
        """Make a topic; False if it is there."""
        new = NewTopic(name, partitions, replicas, config=dict(config))
        try:
            await self._ask(lambda left: self._admin.create_topics([new], request_timeout=left).values(), name)
        except Conflict:
            return False
        return True

    async def configure(self, name: str, config: Mapping[str, str]) -> None:
        """Set some of a topic's settings."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in config.items()
        ]
        new = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        await self._ask(lambda left: self._admin.incremental_alter_configs([new], request_timeout=left).values(), name)

    async def remove(self, name: str) -> None:
        """Remove a topic. Raises UnknownType."""
        await self._ask(lambda left: self._admin.delete_topics([name], request_timeout=left).values(), name)

    # -- offsets

    async def ends(self, topic: str, partitions: Collection[int]) -> dict[int, tuple[Offset, Offset]]:
        """The first offset of each partition, and the next."""
        firsts, nexts = await asyncio.gather(
            self._offsets(topic, partitions, FIRST), self._offsets(topic, partitions, NEXT)
        )
        return dict(zip(partitions, zip(firsts, nexts, strict=True), strict=True))

    async def _offsets(self, topic: str, partitions: Collection[int], which: OffsetSpec) -> list[Offset]:
        asked = {TopicPartition(topic, partition): which for partition in partitions}
        answers = await self._ask(lambda left: self._admin.list_offsets(asked, request_timeout=left).values(), topic)
        return [answer.offset for answer in answers]

    async def committed(self, group: str, topic: str, partitions: Collection[int]) -> dict[int, tuple[Offset, str]]:
        """What a group has committed, and what it said with it. Nothing where it never did."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition) for partition in partitions])
        (answer,) = await self._ask(
            lambda left: self._admin.list_consumer_group_offsets([asked], request_timeout=left).values(), topic
        )
        return {
            each.partition: (each.offset, each.metadata or "") for each in answer.topic_partitions if each.offset >= 0
        }

    # -- patience

    async def _ask(self, ask: Callable[[float], Collection["Future[Any]"]], topic: str) -> list[Any]:
        """The answers to what is asked: given so many seconds."""

        async def once(left: float) -> list[Any]:
            try:
                return await asyncio.gather(*map(asyncio.wrap_future, ask(left)))
            except KafkaException as error:
                # Either there is no such topic, or nobody leads its partitions now.
                if error_of(error).code() == KafkaError._NOENT and topic not in await self.partitions():
                    raise UnknownType("topic", topic) from error
                raise translate(error, self.address.shown, topic) from error

        return await self._persist(once)

    async def _persist(self, call: Callable[[float], Awaitable[T]]) -> T:
        """What a call returns, tried again while the cluster is away for the moment."""
        now = asyncio.get_running_loop().time
        until = now() + self.address.patience
        while True:
            try:
                return await call(max(until - now(), LEAST))
            except StoreUnavailable:
                if now() + RETRY >= until:
                    raise
            await asyncio.sleep(RETRY)

    # -- pages

    async def page(self, topic: str, partition: int, start: Offset, next: Offset, limit: int) -> list[Record]:
        """Up to `limit` records from an offset on, none of them at `next` or later."""
        if start >= next or limit < 1:
            return []
        return await self._blocking(
            self._reading, lambda: self._read(TopicPartition(topic, partition, start), next, limit), topic
        )

    def _read(self, place: TopicPartition, next: Offset, limit: int) -> list[Record]:
        found: list[Record] = []
        until = self._clock.monotonic() + self.address.patience
        learn(self._consumer, place.topic, self.address.patience)
        self._consumer.assign([place])
        try:
            while len(found) < limit and self._clock.monotonic() < until:
                for message in self._some(limit - len(found)):
                    if error := message.error():
                        if error.code() == KafkaError._PARTITION_EOF:
                            return found
                        self._bear(error, place.topic)
                        continue
                    if (message.offset() or 0) >= next:
                        return found
                    found.append(decode(message))
                if found and found[-1].offset >= next - 1:
                    return found
        finally:
            self._consumer.unassign()
        if len(found) < limit:
            raise StoreUnavailable(self.address.shown, f"no answer within {self.address.patience:g} s")
        return found

    def _bear(self, error: KafkaError, topic: str) -> None:
        """Go on in spite of an error, if it may pass."""
        meant = meaning(error, self.address.shown, topic)
        if not isinstance(meant, StoreUnavailable):
            raise meant

    def _some(self, limit: int) -> Sequence[Any]:
        first = self._consumer.poll(POLL)
        if first is None:
            return []
        return [first, *(self._consumer.consume(min(limit, AT_ONCE) - 1, 0) if limit > 1 else ())]

    async def _blocking(self, where: ThreadPoolExecutor, call: Callable[[], T], topic: str = "") -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(where, call)
        except KafkaException as error:
            raise translate(error, self.address.shown, topic) from error

    async def close(self) -> None:
        """End the threads, once they have done what they are at."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        with suppress(RuntimeError):
            self._reading.submit(self._consumer.close).result()
        for threads in (self._asking, self._reading):
            threads.shutdown()
        self._admin.__exit__(None, None, None)

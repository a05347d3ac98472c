"""Topics on Kafka, or on what speaks its protocol: a topic is a topic, a group a consumer group.

What is published is confirmed by all replicas that are in sync. The order of keys is kept by the idempotent producer
(sending.py). Members share partitions out by Kafka's own group protocol, and commit to Kafka's own offsets; with a
commit goes who has the partition, under which generation, and what is done beyond (working.py). The classic protocol is
used (cooperative-sticky), or with `?group.protocol=consumer` the newer one, for which clusters of Kafka 4 are made:
there the cluster says how long a session is, and hand-overs take no second round. What Kafka does not keep, a topic of
ours does (registry.py); groups of others on the same topics are not listed.

What is not as elsewhere: times are in milliseconds. Limits of age and size remove whole segments, not single records.
Groups cannot be paused from outside. A released partition that nobody else is to have begins anew where it was: Kafka
has no way to offer it to others. A member that was killed is named as the owner until another one takes over. On a
cluster that makes topics by itself, one that was removed may come back empty while somebody still publishes to it.

Tests run on librdkafka's mock cluster; headwater.testing.kafka tells what that shows, and what it cannot show.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException

from headwater.adapters.kafka.address import Address, parse
from headwater.adapters.kafka.asking import Cluster
from headwater.adapters.kafka.faults import translate
from headwater.adapters.kafka.holding import mark
from headwater.adapters.kafka.member import KafkaMember
from headwater.adapters.kafka.registry import Registry
from headwater.adapters.kafka.sending import Outgoing, Sender
from headwater.adapters.kafka.topics import Topics
from headwater.adapters.kafka.wire import encode_headers
from headwater.clock import Clock, SystemClock
from headwater.errors import BadInput, StoreClosed, UnknownType, Unsupported
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record, new_id
from headwater.streaming.port import DRAIN, SESSION, BrokerCapabilities, Member, check_group, check_records
from headwater.streaming.records import Confirmed, Group, Lag, partition_of


class KafkaBroker:
    """Broker on a cluster of Kafka."""

    capabilities = BrokerCapabilities(
        durable=True, shared=True, deduplicates=0.0, fences=True, pauses=False, retains=False, atomic=False
    )

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._cluster = Cluster(address, clock)
        self._sender = Sender(address)
        self._registry = Registry(self._cluster, self._sender)
        self._topics = Topics(self._cluster, self._registry, clock)
        self._members: set[KafkaMember] = set()
        self._turn = 0
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, *, clock: Clock | None = None) -> Self:
        """The broker at 'kafka://user:password@host:9092,host:9092?group.prefix=shop.&patience=15'. Other parameters
        are options of librdkafka, for all clients.

        Raises BadInput, StoreUnavailable, StoreRefused.
        """
        broker = cls(parse(url), clock or SystemClock())
        try:
            await broker._cluster.size()  # it is there
        except BaseException:
            await broker.close()
            raise
        return broker

    @property
    def address(self) -> str:
        return self._address.shown

    # -- topics

    async def create_topic(self, topic: Topic) -> None:
        self._check_open()
        await self._topics.create(topic)

    async def topics(self) -> list[Topic]:
        self._check_open()
        return await self._topics.all()

    async def remove_topic(self, name: str) -> None:
        self._check_open()
        await self._topics.remove(name)
        for member in self._members:
            member.removed(name)
        self._sender.renew()  # the next producer asks for no topic that is gone, which might make it again

    async def _topic(self, name: str) -> Topic:
        self._check_open()
        return await self._topics.get(name)

    # -- records

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> list[Confirmed]:
        found = await self._topic(topic)
        check_records(found, records)
        self._check_open()
        if not records:
            return []
        outgoing = [
            Outgoing(
                partition_of(record, found.partitions, self._turn + index),
                None if record.key is None else record.key.encode(), record.value, encode_headers(record),
                record.time // 1000,
            )
            for index, record in enumerate(records)
        ]  # fmt: skip
        self._turn += len(records)
        try:
            await self._sender.send(topic, outgoing)
        except UnknownType:
            self._topics.doubt(topic)
            raise
        return [Confirmed(record.partition, record.offset) for record in outgoing]

    async def read(self, topic: str, partition: int, *, start: Offset = 0, limit: int = 100) -> list[Record]:
        found = await self._topic(topic)
        if not 0 <= partition < found.partitions:
            raise BadInput(f"topic {topic!r} has partitions 0 to {found.partitions - 1}, no {partition}")
        first, next = (await self._cluster.ends(topic, [partition]))[partition]
        return await self._cluster.page(topic, partition, max(start, first), next, limit)

    async def ends(self, topic: str) -> dict[int, tuple[Offset, Offset]]:
        return await self._topics.ends(await self._topic(topic))

    # -- groups

    async def join(self, topic: str, group: str, *, session: float = SESSION, drain: float = DRAIN) -> Member:
        check_group(group)
        found = await self._topic(topic)
        await self._registry.found(found.name, group)
        self._check_open()
        name = new_id(self._clock.now())
        try:
            member = KafkaMember(
                self._address, found.name, self._group_id(topic, group), name, session, drain, self._clock
            )
        except KafkaException as error:
            raise translate(error, self.address) from error
        self._members = {each for each in self._members if not each.left} | {member}
        return member

    def _group_id(self, topic: str, group: str) -> str:
        """A group of Kafka's may have several topics; one here has one. No name has a dot."""
        return f"{self._address.prefix}{topic}.{group}"

    async def groups(self, topic: str) -> list[Group]:
        found = await self._topic(topic)
        ends, _ = await asyncio.gather(self._topics.ends(found), self._registry.refresh())
        names = self._registry.groups(topic)
        partitions = range(found.partitions)
        known = await asyncio.gather(
            *(self._cluster.committed(self._group_id(topic, name), topic, partitions) for name in names)
        )
        return [
            Group(topic, name, False, [_lag(p, ends[p], committed.get(p)) for p in partitions])
            for name, committed in zip(names, known, strict=True)
        ]

    async def pause(self, topic: str, group: str) -> None:
        raise Unsupported(self.address, "pause a group")

    async def resume(self, topic: str, group: str) -> None:
        raise Unsupported(self.address, "pause a group, and so resume none")

    # -- life

    def _check_open(self) -> None:
        if self._closing is not None:
            raise StoreClosed(self.address)

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="kafka-close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for member in self._members:
            member.closed = True
        await asyncio.gather(self._sender.close(), *(member.leave() for member in self._members))
        await self._cluster.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _lag(partition: int, ends: tuple[Offset, Offset], committed: tuple[Offset, str] | None) -> Lag:
    first, next = ends
    offset, said = committed or (0, "")
    return Lag(partition, offset, next, max(next - max(offset, first), 0), mark(said).member)

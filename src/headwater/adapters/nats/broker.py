"""Topics on NATS JetStream: a stream for each partition, offsets are its sequence numbers.

Members of groups share partitions out among themselves by leases in a key-value bucket, in which the groups' progress
is kept too; see group.py. How records get in whole and in order is told in storing.py.

What JetStream confirms survives kill -9 of the server, and with `replicas` that of a node. It does not survive power
loss as the server comes: it syncs its files to the disk every two minutes. `sync_interval: always` in the server's
configuration is the cure, at a price; with three replicas, so are machines that do not lose power together.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from headwater.adapters.nats.address import parse
from headwater.adapters.nats.connection import Connection
from headwater.adapters.nats.group import Membership, group_key, lease_key
from headwater.adapters.nats.keys import Entry, Keys, Outdated
from headwater.adapters.nats.lane import Lane
from headwater.adapters.nats.member import NatsMember
from headwater.adapters.nats.reading import Reading
from headwater.adapters.nats.storing import Storing
from headwater.adapters.nats.topics import WINDOW, Standing, Topics
from headwater.adapters.nats.wire import encode_headers, headers_size
from headwater.clock import Clock, SystemClock
from headwater.errors import AcknowledgementLost, BadInput, RecordTooLarge, StoreClosed, StoreUnavailable, UnknownType
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record, new_id
from headwater.streaming.port import DRAIN, SESSION, BrokerCapabilities, Member, check_group, check_records
from headwater.streaming.records import Confirmed, Group, Lag, split

MAX_HEADERS = 60_000  # bytes; the server's limit is a little above
SMALL = 4_000  # characters of headers that can never be too many bytes


class NatsBroker:
    """Broker on a NATS server with JetStream (2.14 or later), or a cluster of those.

    An id is remembered for two minutes (or for the topic's `max_age`, if that is less), in its partition.
    """

    capabilities = BrokerCapabilities(
        durable=True, shared=True, deduplicates=WINDOW, fences=True, pauses=True, retains=True, atomic=False
    )

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._keys = Keys(connection, connection.address.namespace)
        self._topics = Topics(connection, self._keys, clock)
        self._reading = Reading(connection, self._topics)
        self._lanes: dict[tuple[str, int, int], Lane] = {}
        self._members: set[NatsMember] = set()
        self._turn = 0
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, *, clock: Clock | None = None) -> Self:
        """The broker at 'nats://user:password@host:4222,host:4222?namespace=name'.

        Raises BadInput, StoreUnavailable, StoreRefused.
        """
        connection = Connection(parse(url))
        await connection.open()
        try:
            await connection.persist(lambda: connection.api("INFO"))  # JetStream is there
        except BaseException:
            await connection.close()
            raise
        return cls(connection, clock or SystemClock())

    @property
    def address(self) -> str:
        return self._connection.shown

    # -- topics

    async def create_topic(self, topic: Topic) -> None:
        self._check_open()
        await self._connection.persist(lambda: self._topics.create(topic))

    async def topics(self) -> list[Topic]:
        self._check_open()
        return await self._connection.persist(self._topics.all)

    async def remove_topic(self, name: str) -> None:
        self._check_open()
        await self._connection.persist(lambda: self._topics.remove(name))

    async def _topic(self, name: str) -> Topic:
        self._check_open()
        return self._topics.known(name) or await self._topics.get(name)

    # -- records

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> list[Confirmed]:
        found = await self._topic(topic)
        self._check(found, records)
        if not records:
            return []
        try:
            return await self._publish(found, records)
        except UnknownType:
            self._topics.doubt(topic)
            again = await self._topic(topic)
            if again.partitions == found.partitions:
                raise
            return await self._publish(again, records)

    def _check(self, topic: Topic, records: Sequence[NewRecord]) -> None:
        check_records(topic, records)
        limit = self._connection.max_payload
        for record in records:
            if not record.headers and len(record.value) + SMALL <= limit:
                continue
            size = sum(len(name) + len(text) for name, text in record.headers.items())
            if size > SMALL or len(record.value) + 2 * SMALL > limit:
                self._check_large(topic, record, limit)

    def _check_large(self, topic: Topic, record: NewRecord, limit: int) -> None:
        size = headers_size(encode_headers(record, record.id))
        if size > MAX_HEADERS:
            raise BadInput(f"the headers of one record have {size} bytes as they are sent; the limit is {MAX_HEADERS}")
        if len(record.value) + size > limit:
            raise RecordTooLarge(topic.name, len(record.value) + size, limit)

    async def _publish(self, topic: Topic, records: Sequence[NewRecord]) -> list[Confirmed]:
        shares = split(topic, records, self._turn)
        self._turn += len(records)
        self._check_open()
        if len(shares) == 1:
            return await self._lane(topic, next(iter(shares))).publish_here(records)
        under_way = [
            self._lane(topic, partition).publish([records[index] for index in indexes])
            for partition, indexes in shares.items()
        ]
        await asyncio.wait(under_way)
        errors = [error for each in under_way if (error := each.exception())]
        if errors:
            raise self._worst(errors, len(under_way))
        done: list[Confirmed] = [Confirmed(0, 0)] * len(records)
        for indexes, share in zip(shares.values(), under_way, strict=True):
            for index, place in zip(indexes, share.result(), strict=True):
                done[index] = place
        return done

    def _check_open(self) -> None:
        if self._connection.closed or self._closing is not None:
            raise StoreClosed(self.address)

    def _worst(self, errors: Sequence[BaseException], shares: int) -> BaseException:
        """What to raise for these. If some shares are published, or may be, nobody can tell which."""
        first = next((error for error in errors if isinstance(error, AcknowledgementLost)), errors[0])
        if len(errors) == shares or not isinstance(first, StoreUnavailable) or isinstance(first, AcknowledgementLost):
            return first
        lost = AcknowledgementLost(self.address, first.why)
        lost.__cause__ = first
        return lost

    def _lane(self, topic: Topic, partition: int) -> Lane:
        name = topic.name, topic.partitions, partition
        if name not in self._lanes:
            storing = Storing(self._connection, self._topics, self._reading, topic, partition)
            self._lanes[name] = Lane(storing, self.address)
        lane = self._lanes[name]
        lane.storing.topic = topic  # as it is now
        return lane

    async def read(self, topic: str, partition: int, *, start: Offset = 0, limit: int = 100) -> list[Record]:
        found = await self._topic(topic)
        if not 0 <= partition < found.partitions:
            raise BadInput(f"topic {topic!r} has partitions 0 to {found.partitions - 1}, no {partition}")
        return await self._reading.read(found, partition, start, limit)

    async def ends(self, topic: str) -> dict[int, tuple[Offset, Offset]]:
        ends = await self._topics.ends(await self._topic(topic))
        return {partition: (each.first, each.next) for partition, each in enumerate(ends)}

    # -- groups

    async def join(self, topic: str, group: str, *, session: float = SESSION, drain: float = DRAIN) -> Member:
        check_group(group)
        self._check_open()
        found = await self._topics.get(topic)
        member = NatsMember(self._connection, self._topics, found)
        name = new_id(self._clock.now())
        membership = Membership(
            self._connection, self._keys, self._topics.names, found, group, name, session, drain, self._clock,
            member.changed,
        )  # fmt: skip
        await member.start(membership)
        self._members = {each for each in self._members if not each.left} | {member}
        return member

    async def groups(self, topic: str) -> list[Group]:
        found = await self._topic(topic)
        return await self._connection.persist(lambda: self._groups(found))

    async def _groups(self, topic: Topic) -> list[Group]:
        marks, ends = await asyncio.gather(self._keys.see(group_key(topic.name, "*")), self._topics.ends(topic))
        names = sorted(key.rpartition(".")[2] for key in marks)
        leases = [await self._keys.see(lease_key(topic.name, name, "*")) for name in names]
        return [
            Group(
                topic.name,
                name,
                bool(marks[group_key(topic.name, name)].value["paused"]),
                _lags(name, topic, each, ends),
            )
            for name, each in zip(names, leases, strict=True)
        ]

    async def pause(self, topic: str, group: str) -> None:
        await self._set_paused(topic, group, True)

    async def resume(self, topic: str, group: str) -> None:
        await self._set_paused(topic, group, False)

    async def _set_paused(self, topic: str, group: str, paused: bool) -> None:
        found = await self._topic(topic)
        await self._connection.persist(lambda: self._write_paused(found, group, paused))
        await self._connection.send(self._topics.names.wakes(topic, group), b"pause" if paused else b"resume")

    async def _write_paused(self, topic: Topic, group: str, paused: bool) -> None:
        key = group_key(topic.name, group)
        while entry := await self._keys.get(key):
            with suppress(Outdated):
                await self._keys.put(key, {"paused": paused}, after=entry.revision)
                return
        known = await self._keys.see(group_key(topic.name, "*"))
        raise UnknownType("group", group, tuple(sorted(each.rpartition(".")[2] for each in known)))

    # -- life

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="nats-close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await asyncio.gather(*(lane.drained() for lane in self._lanes.values()))
        await asyncio.gather(*(member.leave() for member in self._members))
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _lags(group: str, topic: Topic, leases: Mapping[str, Entry], ends: Sequence[Standing]) -> list[Lag]:
    found = []
    for partition, end in enumerate(ends):
        entry = leases.get(lease_key(topic.name, group, str(partition)))
        owner, _, committed, _ = entry.value if entry else ("", 0, 0, "")
        left = max(end.next - max(committed, end.first), 0)
        found.append(Lag(partition, committed, end.next, left, owner))
    return found

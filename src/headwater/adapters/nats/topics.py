"""Topics: a stream of JetStream for each partition, and what they are, kept under their names."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from headwater.adapters.nats import faults
from headwater.adapters.nats.connection import Connection
from headwater.adapters.nats.keys import Keys, Outdated
from headwater.clock import Clock
from headwater.errors import BadInput, Conflict, UnknownType
from headwater.fold import Topic
from headwater.messages import Offset

WINDOW = 120.0  # seconds for which an id is remembered
KNOWN_FOR = 5.0  # seconds for which a topic's limits are taken to be as they were


class Standing(NamedTuple):
    """Where a partition begins and ends."""

    first: Offset
    next: Offset


class Names:
    """The names of a namespace on the server. A partition's have in them how many there are: whoever believes that
    there are more or less of them finds nobody there, and looks again."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def stream(self, topic: Topic, partition: int) -> str:
        """The stream of a partition."""
        return f"{self.namespace}_{topic.name}_{topic.partitions}_{partition}"

    def subject(self, topic: Topic, partition: int) -> str:
        """Where a partition's records are sent."""
        return f"{self.namespace}.{topic.name}.{topic.partitions}.{partition}"

    def wakes(self, topic: str, group: str) -> str:
        """Where the members of a group tell each other that there is something to see."""
        return f"{self.namespace}.-wake.{topic}.{group}"


class Topics:
    """Makes, lists and removes topics; knows them for a while."""

    def __init__(self, connection: Connection, keys: Keys, clock: Clock) -> None:
        self.names = Names(connection.address.namespace)
        self._connection = connection
        self._keys = keys
        self._clock = clock
        self._known: dict[str, tuple[Topic, float]] = {}
        self._one_at_a_time = asyncio.Lock()

    # -- making

    async def create(self, topic: Topic) -> None:
        """See Broker.create_topic."""
        topic = replace(topic, events=(), backlog=None)
        try:
            await self._keys.make(topic.replicas)
        except faults.Declined as error:
            raise BadInput(f"topic {topic.name!r}: {error.why}") from error
        key, wanted = f"topic.{topic.name}", _to_json(topic)
        found = await self._keys.get(key)
        if found is None or found.value["partitions"] == topic.partitions:
            await self._each(topic, self._make_stream)  # before anybody hears of the topic
        try:
            if found is None:
                await self._keys.put(key, wanted, after=0)
            elif found.value["partitions"] == topic.partitions and found.value != wanted:
                await self._keys.put(key, wanted, after=found.revision)
        except Outdated:
            found = await self._keys.get(key)
        if found is not None and found.value["partitions"] != topic.partitions:
            there = found.value["partitions"]
            raise Conflict(f"topic {topic.name!r} has {there} partitions, which cannot become {topic.partitions}")
        self._learn(topic)

    async def _make_stream(self, topic: Topic, partition: int) -> None:
        name = self.names.stream(topic, partition)
        age = round((topic.max_age or timedelta()).total_seconds() * 1e9)
        window = round(WINDOW * 1e9)
        limits = {
            "max_age": age, "max_bytes": topic.max_bytes or -1, "num_replicas": topic.replicas,
            "duplicate_window": min(window, age) if age else window,  # the server allows no more
        }  # fmt: skip
        wanted = {
            "name": name, "subjects": [self.names.subject(topic, partition)], "retention": "limits", "discard": "old",
            "storage": "file", "allow_direct": True, "allow_atomic": True, "max_msgs": -1, "max_msg_size": -1,
            "max_msgs_per_subject": -1, "max_consumers": -1, **limits,
        }  # fmt: skip
        try:
            await self._connection.api(f"STREAM.CREATE.{name}", wanted)
        except faults.Declined as error:
            if error.number != faults.STREAM_EXISTS:
                raise BadInput(f"topic {topic.name!r}: {error.why}") from error
            await self._connection.api(f"STREAM.UPDATE.{name}", wanted)

    async def _each(self, topic: Topic, work: Any) -> None:
        """Do something for every partition, some at a time."""
        few = asyncio.Semaphore(16)

        async def one(partition: int) -> None:
            async with few:
                await self._connection.persist(lambda: work(topic, partition))

        await asyncio.gather(*(one(partition) for partition in range(topic.partitions)))

    async def remove(self, name: str) -> None:
        """See Broker.remove_topic."""
        found = await self._keys.get(f"topic.{name}")
        self._known.pop(name, None)
        await self._keys.forget(f"topic.{name}", f"group.{name}.>", f"lease.{name}.>", f"beat.{name}.>")
        if found:
            await self._each(_from_json(name, found.value), self._remove_stream)

    async def _remove_stream(self, topic: Topic, partition: int) -> None:
        try:
            await self._connection.api(f"STREAM.DELETE.{self.names.stream(topic, partition)}")
        except faults.Declined as error:
            if error.number != faults.STREAM_NOT_FOUND:
                raise

    # -- knowing

    async def all(self) -> list[Topic]:
        """All topics by name."""
        found = await self._keys.see("topic.*")
        topics = [_from_json(key.removeprefix("topic."), entry.value) for key, entry in found.items()]
        for topic in topics:
            self._learn(topic)
        return sorted(topics, key=lambda topic: topic.name)

    def known(self, name: str) -> Topic | None:
        """The topic, if it was looked at a short while ago."""
        topic, until = self._known.get(name, (None, 0.0))
        return topic if until > self._clock.monotonic() else None

    async def get(self, name: str) -> Topic:
        """The topic. Raises UnknownType. Those who ask at the same time go on in the order of asking."""
        async with self._one_at_a_time:
            if topic := self.known(name):
                return topic
            found = await self._connection.persist(lambda: self._keys.get(f"topic.{name}"))
            if found is None:
                raise UnknownType("topic", name, tuple(topic.name for topic in await self.all()))
            return self._learn(_from_json(name, found.value))

    def doubt(self, name: str) -> None:
        """Look again next time."""
        self._known.pop(name, None)

    def _learn(self, topic: Topic) -> Topic:
        self._known[topic.name] = topic, self._clock.monotonic() + KNOWN_FOR
        return topic

    # -- the streams

    async def standing(self, topic: Topic, partition: int) -> Standing:
        """Where a partition begins and ends now, as its leader says. Raises UnknownType."""
        try:
            info = await self._connection.api(f"STREAM.INFO.{self.names.stream(topic, partition)}")
        except faults.Declined as error:
            if error.number != faults.STREAM_NOT_FOUND:
                raise
            self.doubt(topic.name)
            raise UnknownType("topic", topic.name) from error
        next = info["state"]["last_seq"] + 1
        return Standing(min(max(info["state"]["first_seq"], 1), next), next)

    async def ends(self, topic: Topic) -> Sequence[Standing]:
        """Where all partitions begin and end now."""
        few = asyncio.Semaphore(16)

        async def one(partition: int) -> Standing:
            async with few:
                return await self._connection.persist(lambda: self.standing(topic, partition))

        return await asyncio.gather(*(one(partition) for partition in range(topic.partitions)))


def _to_json(topic: Topic) -> dict[str, Any]:
    return {
        "partitions": topic.partitions, "max_bytes": topic.max_bytes, "max_record_bytes": topic.max_record_bytes,
        "max_age": None if topic.max_age is None else topic.max_age // timedelta(microseconds=1),
        "replicas": topic.replicas,
    }  # fmt: skip


def _from_json(name: str, value: dict[str, Any]) -> Topic:
    age = value["max_age"]
    return Topic(
        name, (), value["partitions"], None if age is None else timedelta(microseconds=age), value["max_bytes"],
        value["max_record_bytes"], None, value["replicas"],
    )  # fmt: skip

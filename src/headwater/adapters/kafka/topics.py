"""Topics of a cluster: made, found, changed and removed, with the limits that the registry keeps."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from headwater.adapters.kafka.asking import Cluster
from headwater.adapters.kafka.registry import Registry
from headwater.clock import Clock
from headwater.errors import Conflict, StoreUnavailable, UnknownType
from headwater.fold import Topic
from headwater.messages import Offset

KNOWN_FOR = 5.0  # seconds for which a topic's limits are taken for what they were
LOOK_EVERY = 0.05  # seconds
BATCH = 1_100_000  # bytes of a producer's batches, which Kafka's limit is for, and not for single records
OVERHEAD = 50_000  # bytes of a record besides its value: headers, key
IN_SYNC = 2  # replicas that must have a record before it is confirmed, where there are more
SEGMENTS = 4  # of which a topic's limits are made up: Kafka removes whole ones
SEGMENT_BYTES = (1024 * 1024, 1024 * 1024 * 1024)  # at least, at most
SEGMENT_MS = (60_000, 7 * 24 * 3_600_000)


class Topics:
    """The topics, as they are asked for."""

    def __init__(self, cluster: Cluster, registry: Registry, clock: Clock) -> None:
        self._cluster = cluster
        self._registry = registry
        self._clock = clock
        self._known: dict[str, tuple[Topic, float]] = {}

    async def create(self, topic: Topic) -> None:
        """Make a topic, or bring its limits up to date. Raises Conflict."""
        topic = replace(topic, events=(), backlog=None)
        made = await self._cluster.create(topic.name, topic.partitions, topic.replicas, config(topic))
        if not made:
            there = (await self._appeared(topic.name)).partitions
            if there != topic.partitions:
                raise Conflict(f"topic {topic.name!r} has {there} partitions, which cannot become {topic.partitions}")
            await self._cluster.configure(topic.name, config(topic))
        await self._registry.keep(topic)
        if made:
            await self._appeared(topic.name)
        self._learn(topic)

    async def _appeared(self, name: str) -> Topic:
        """A topic, once all know that it is there."""
        until = self._clock.monotonic() + self._cluster.address.patience
        while (count := (await self._cluster.partitions()).get(name)) is None:
            if self._clock.monotonic() > until:
                raise StoreUnavailable(self._cluster.address.shown, f"topic {name!r} does not appear")
            await asyncio.sleep(LOOK_EVERY)
        return self._registry.limits(name, count)

    async def all(self) -> list[Topic]:
        """All topics that can be ours by their names."""
        partitions, _ = await asyncio.gather(self._cluster.partitions(), self._registry.refresh())
        return [self._registry.limits(name, count) for name, count in sorted(partitions.items()) if _may_be_ours(name)]

    async def get(self, name: str) -> Topic:
        """A topic. Raises UnknownType."""
        topic, until = self._known.get(name, (None, 0.0))
        if topic is not None and self._clock.monotonic() < until:
            return topic
        topics = await self.all()
        found = next((each for each in topics if each.name == name), None)
        if found is None:
            raise UnknownType("topic", name, tuple(each.name for each in topics))
        self._learn(found)
        return found

    def doubt(self, name: str) -> None:
        """Look again next time."""
        self._known.pop(name, None)

    def _learn(self, topic: Topic) -> None:
        self._known[topic.name] = topic, self._clock.monotonic() + KNOWN_FOR

    async def remove(self, name: str) -> None:
        """Remove a topic, and what is kept of it and its groups. One that is not there is no error."""
        self.doubt(name)
        await self._registry.forget(name)
        try:
            await self._cluster.remove(name)
        except UnknownType:
            return

    async def ends(self, topic: Topic) -> dict[int, tuple[Offset, Offset]]:
        """Where its partitions begin and end. Raises UnknownType."""
        try:
            return await self._cluster.ends(topic.name, range(topic.partitions))
        except UnknownType:
            self.doubt(topic.name)
            raise


def config(topic: Topic) -> dict[str, str]:
    """A topic's limits as Kafka has them. It looks at them segment by segment."""
    age = None if topic.max_age is None else max(topic.max_age // timedelta(milliseconds=1), 1)
    return {
        "retention.ms": "-1" if age is None else str(age),
        "retention.bytes": "-1" if topic.max_bytes is None else str(topic.max_bytes),
        "segment.ms": str(_segment(age, SEGMENT_MS)),
        "segment.bytes": str(_segment(topic.max_bytes, SEGMENT_BYTES)),
        "max.message.bytes": str(max(topic.max_record_bytes + OVERHEAD, BATCH)),
        "min.insync.replicas": str(IN_SYNC if topic.replicas > IN_SYNC else 1),
    }


def _segment(limit: int | None, bounds: Sequence[int]) -> int:
    least, most = bounds
    return most if limit is None else min(max(limit // SEGMENTS, least), most)


def _may_be_ours(name: str) -> bool:
    """Whether it is a name for a topic here, and not one of Kafka's own."""
    plain = name.replace("_", "").replace("-", "")
    return plain.isascii() and plain.isalnum() and len(name) <= 63 and not name.startswith("__")

"""What Kafka does not keep of topics and groups: a topic's exact limits, and which groups there are.

It lies in a topic of one partition, compacted, under the prefix: keys are ["topic", name] and ["group", topic, name],
values are objects; an empty value takes a key away. Who asks reads what came since it last did. Kafka's own list of
groups would forget those that committed nothing, and names nothing of those that others are.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from headwater.adapters.kafka.asking import Cluster
from headwater.adapters.kafka.sending import Outgoing, Sender
from headwater.errors import MalformedData, UnknownType
from headwater.fold import Topic
from headwater.messages import Offset

PAGE = 1000
CONFIG = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
REPLICAS = 3  # or as many as there can be


class Registry:
    """The registry, as far as it has been read."""

    def __init__(self, cluster: Cluster, sender: Sender) -> None:
        self._cluster = cluster
        self._sender = sender
        self._name = f"{cluster.address.prefix}registry"
        self._entries: dict[tuple[str, ...], dict[str, Any]] = {}
        self._next: Offset = 0
        self._made = False
        self._order = asyncio.Lock()

    async def refresh(self) -> None:
        """Read what came since."""
        async with self._order:
            try:
                first, next = (await self._cluster.ends(self._name, [0]))[0]
            except UnknownType:
                return
            self._next = max(self._next, first)
            while self._next < next:
                page = await self._cluster.page(self._name, 0, self._next, next, PAGE)
                for record in page:
                    self._learn(record.key or "", record.value)
                self._next = page[-1].offset + 1 if page else next

    def _learn(self, key: str, value: bytes) -> None:
        try:
            name = tuple(msgspec.json.decode(key, type=list[str]))
            entry = msgspec.json.decode(value, type=dict[str, Any]) if value else None
        except msgspec.DecodeError as error:
            raise MalformedData(f"record of the topic {self._name}", str(error)) from error
        if entry is None:
            self._entries.pop(name, None)
        else:
            self._entries[name] = entry

    async def _write(self, entries: Mapping[tuple[str, ...], dict[str, Any] | None]) -> None:
        records = [
            Outgoing(0, msgspec.json.encode(key), b"" if value is None else msgspec.json.encode(value), [], 0)
            for key, value in entries.items()
        ]
        if not records:
            return
        if not self._made:
            replicas = min(REPLICAS, await self._cluster.size())
            await self._cluster.create(self._name, 1, replicas, CONFIG)
            self._made = True
        await self._sender.send(self._name, records)

    # -- topics

    def limits(self, name: str, partitions: int) -> Topic:
        """A topic, with the limits that are known. Of one that others have made, none are."""
        entry = self._entries.get(("topic", name), {})
        age = entry.get("max_age")
        return Topic(
            name, (), partitions, None if age is None else timedelta(microseconds=age), entry.get("max_bytes"),
            entry.get("max_record_bytes", Topic.max_record_bytes), None, entry.get("replicas", 1),
        )  # fmt: skip

    async def keep(self, topic: Topic) -> None:
        """Keep a topic's limits."""
        await self._write({
            ("topic", topic.name): {
                "max_age": None if topic.max_age is None else topic.max_age // timedelta(microseconds=1),
                "max_bytes": topic.max_bytes, "max_record_bytes": topic.max_record_bytes, "replicas": topic.replicas,
            }
        })  # fmt: skip

    async def forget(self, topic: str) -> None:
        """Keep nothing of a topic, nor of its groups."""
        await self.refresh()
        await self._write(dict.fromkeys(
            key for key in self._entries if key == ("topic", topic) or key[:2] == ("group", topic)
        ))  # fmt: skip

    # -- groups

    def groups(self, topic: str) -> list[str]:
        """The groups of a topic that ever had a member, by name."""
        return sorted(key[2] for key in self._entries if key[:2] == ("group", topic))

    async def found(self, topic: str, group: str) -> None:
        """Keep that there is a group."""
        if ("group", topic, group) not in self._entries:
            await self._write({("group", topic, group): {}})

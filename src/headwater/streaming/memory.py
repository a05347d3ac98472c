"""The broker in memory: for tests, and for what nobody keeps. Plain lists; it says what the port means."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from headwater.clock import Clock, SystemClock
from headwater.errors import Conflict, StoreClosed, UnknownType
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record, new_id
from headwater.streaming.memory_group import MemoryGroup, MemoryMember
from headwater.streaming.memory_topic import ADDRESS, WINDOW, MemoryTopic
from headwater.streaming.port import DRAIN, SESSION, BrokerCapabilities, Member, check_group, check_records
from headwater.streaming.records import Confirmed, Group


class MemoryBroker:
    """Broker in this process's memory. Everything happens at once, between two steps of the event loop."""

    address = ADDRESS
    capabilities = BrokerCapabilities(
        durable=False, shared=False, deduplicates=WINDOW, fences=True, pauses=True, retains=True, atomic=True
    )

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self._topics: dict[str, MemoryTopic] = {}
        self._closed = False

    # -- topics

    async def create_topic(self, topic: Topic) -> None:
        self._check_open()
        topic = replace(topic, events=())
        if not (place := self._topics.get(topic.name)):
            self._topics[topic.name] = MemoryTopic(topic, self.clock)
        elif place.topic.partitions != topic.partitions:
            raise Conflict(
                f"topic {topic.name!r} has {place.topic.partitions} partitions, which cannot become {topic.partitions}"
            )
        else:
            place.topic = topic

    async def topics(self) -> list[Topic]:
        self._check_open()
        return [self._topics[name].topic for name in sorted(self._topics)]

    async def remove_topic(self, name: str) -> None:
        self._check_open()
        if place := self._topics.pop(name, None):
            place.remove()

    def _place(self, topic: str) -> MemoryTopic:
        self._check_open()
        if topic not in self._topics:
            raise UnknownType("topic", topic, tuple(sorted(self._topics)))
        return self._topics[topic]

    # -- records

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> list[Confirmed]:
        place = self._place(topic)
        check_records(place.topic, records)
        done = place.publish(records)
        await asyncio.sleep(0)  # as with any broker, others get on in between
        return done

    async def read(self, topic: str, partition: int, *, start: Offset = 0, limit: int = 100) -> list[Record]:
        return self._place(topic).log(partition).read(start, limit)

    async def ends(self, topic: str) -> dict[int, tuple[Offset, Offset]]:
        return {partition: (log.first, log.end) for partition, log in enumerate(self._place(topic).logs())}

    # -- groups

    async def join(self, topic: str, group: str, *, session: float = SESSION, drain: float = DRAIN) -> Member:
        check_group(group)
        place = self._place(topic)
        found = place.groups.setdefault(group, MemoryGroup(group, place.topic.partitions))
        member = MemoryMember(new_id(self.clock.now()), ADDRESS, place, found)
        found.join(member.name, drain)
        place.notify()
        return member

    async def groups(self, topic: str) -> list[Group]:
        place = self._place(topic)
        return [place.groups[name].standing(topic, place.log) for name in sorted(place.groups)]

    async def pause(self, topic: str, group: str) -> None:
        self._group(topic, group).paused = True

    async def resume(self, topic: str, group: str) -> None:
        self._group(topic, group).paused = False
        self._place(topic).notify()

    def _group(self, topic: str, group: str) -> MemoryGroup:
        groups = self._place(topic).groups
        if group not in groups:
            raise UnknownType("group", group, tuple(sorted(groups)))
        return groups[group]

    # -- life

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(ADDRESS)

    async def close(self) -> None:
        self._closed = True
        for place in self._topics.values():
            place.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

"""Reading a partition by offset, without a consumer."""

import asyncio
from collections.abc import Sequence

from nats.aio.msg import Msg

from headwater.adapters.nats import faults
from headwater.adapters.nats.connection import Connection, encode_json
from headwater.adapters.nats.topics import Topics
from headwater.adapters.nats.wire import MOMENT, SEQUENCE, decode, nanoseconds_of
from headwater.errors import StoreUnavailable
from headwater.fold import Topic
from headwater.messages import Offset, Record

PAGE = 1_000  # records of one answer
MAX_BYTES = 16 * 1024 * 1024  # of one answer


class Reading:
    """Reads partitions. Any node that keeps one answers, so it may be a little behind its leader."""

    def __init__(self, connection: Connection, topics: Topics) -> None:
        self._connection = connection
        self._topics = topics

    async def read(self, topic: Topic, partition: int, start: Offset, limit: int) -> list[Record]:
        """Records from an offset on: all that were confirmed before this was asked."""
        standing = await self._connection.persist(lambda: self._topics.standing(topic, partition))
        found: list[Record] = []
        start = max(start, standing.first)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._connection.address.patience
        while start < standing.next and len(found) < limit:
            messages = await self._connection.persist(
                lambda: self.page(topic, partition, start, limit - len(found))  # noqa: B023 - awaited at once
            )
            found += [_record(topic.name, partition, message) for message in messages]
            if messages:
                start = found[-1].offset + 1
                continue
            standing = await self._connection.persist(lambda: self._topics.standing(topic, partition))
            start = max(start, standing.first)  # what was there may be too old by now
            if loop.time() > give_up:
                raise StoreUnavailable(self._connection.shown, "a node is far behind its leader")
            await asyncio.sleep(0.005)
        return found

    async def page(self, topic: Topic, partition: int, start: Offset, limit: int) -> Sequence[Msg]:
        """Messages from an offset on, as many as fit in one answer. None where there are none, or none yet."""
        body = {"seq": max(start, 1), "batch": min(limit, PAGE), "max_bytes": MAX_BYTES}
        stream = self._topics.names.stream(topic, partition)
        try:
            messages, _ = await self._connection.ask_many(f"$JS.API.DIRECT.GET.{stream}", encode_json(body))
        except faults.Nobody:
            await self._topics.standing(topic, partition)  # says so if the topic is no more
            raise
        return messages


def sequence_of(message: Msg) -> Offset:
    """A message's place in its stream."""
    return int((message.headers or {})[SEQUENCE])


def _record(topic: str, partition: int, message: Msg) -> Record:
    headers = message.headers or {}
    return decode(topic, partition, sequence_of(message), nanoseconds_of(headers[MOMENT]), message)

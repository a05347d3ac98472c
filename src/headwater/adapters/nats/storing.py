"""Storing records in one partition, in order and each once, whatever is lost on the way.

Sending records one after the other and waiting for all answers is fast, and wrong: one in the middle may be lost, with
a leader or a connection, and a later one of the same key stored. So each run of records is sent in a form in which the
server stores none whose predecessor it has not:

- On one node each record names the one before as the last in the stream (`Nats-Expected-Last-Msg-Id`), and only the
  last is answered. The first goes alone: a repetition that is not the last would break the chain in the middle.
- On several nodes that is checked too late to be of use (a record that fails it stays in the list of known ids, and is
  refused for as long), so there they go as batches that are stored whole or not at all (`Nats-Batch-Id`). On one node
  these are slower, as each is a file: they are for when others publish to the same partition, and break every chain.

Whatever goes wrong, the records are gone through from the first on: one is sent alone, and tells by its id whether it
was there already; those that lie behind it are looked up. Every record has an id: the server knows it for two minutes.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from nats.nuid import NUID

from headwater.adapters.nats import faults
from headwater.adapters.nats.connection import Connection, decode_json
from headwater.adapters.nats.reading import Reading, sequence_of
from headwater.adapters.nats.topics import Topics
from headwater.adapters.nats.wire import AFTER_ID, BATCH, BATCH_END, BATCH_PLACE, ID, encode_headers, made_up_id
from headwater.errors import AcknowledgementLost, StoreError, StoreUnavailable
from headwater.fold import Topic
from headwater.messages import NewRecord, Offset
from headwater.streaming.records import Confirmed

BATCH_LIMIT = 1_000  # of the server
BREATH = 64  # records after which others get a turn, and the socket its bytes
FEW = 4  # records that are sent one by one rather than as a batch, where others publish too
CONTENDED = 1.0  # seconds for which no chain is tried after others have broken one


@dataclass(eq=False)
class Chunk:
    """Records that go together: each id once. `places` are filled in order; up to `sent` they may have been stored."""

    records: Sequence[NewRecord]
    headers: Sequence[dict[str, str]]
    places: list[Confirmed] = field(default_factory=list)
    sent: int = 0
    floor: Offset = 0  # what lies behind it was stored by this chunk itself


class Storing:
    """One broker object's way into a partition. Used by one task at a time."""

    def __init__(self, connection: Connection, topics: Topics, reading: Reading, topic: Topic, partition: int) -> None:
        self.topic = topic
        self._partition = partition
        self._connection = connection
        self._topics = topics
        self._reading = reading
        self._subject = topics.names.subject(topic, partition)
        self._nuid = NUID()
        self._last: Offset = 0  # the highest offset that was confirmed here
        self._contended_until = 0.0

    async def store(self, records: Sequence[NewRecord]) -> list[Confirmed]:
        """Store records, each once; where they lie. Raises AcknowledgementLost, StoreError, UnknownType."""
        firsts = _firsts(records) if len(records) > 1 else None
        alone = records if firsts is None else [records[index] for index in sorted(set(firsts))]
        name = self._nuid.next().decode()
        chunk = Chunk(alone, [encode_headers(each, each.id or made_up_id(name, n)) for n, each in enumerate(alone)])
        try:
            await self._settle(chunk)
        except StoreError as error:
            if chunk.places or chunk.sent:
                raise lost(error) from error
            raise
        if firsts is None:
            return chunk.places
        place = dict(zip(sorted(set(firsts)), chunk.places, strict=True))
        return [
            place[first] if first == index else place[first]._replace(repeated=True)
            for index, first in enumerate(firsts)
        ]

    async def _settle(self, chunk: Chunk) -> None:
        chunk.floor = self._last
        if self.topic.replicas > 1 and len(chunk.records) > 1:
            await self._batch(chunk)
        while (start := len(chunk.places)) < len(chunk.records):
            place, known = await self._one(chunk, start)
            chunk.places.append(place)
            left = len(chunk.records) - start - 1
            if left and known:
                await self._look_up(chunk, place.offset)
            elif left:
                chunk.floor = place.offset
                await self._run(chunk)
            self._last = max(self._last, chunk.places[-1].offset)

    async def _run(self, chunk: Chunk) -> None:
        """Store the rest in one go, or as much of it as may go together; what becomes of it is seen by what follows."""
        left, now = len(chunk.records) - len(chunk.places), asyncio.get_running_loop().time()
        if self.topic.replicas == 1 and now >= self._contended_until:
            if not await self._chain(chunk):
                self._contended_until = now + CONTENDED
        elif left >= FEW:
            await self._batch(chunk)

    # -- one by one

    async def _one(self, chunk: Chunk, index: int) -> tuple[Confirmed, bool]:
        """Store one record, or learn where it lies, and whether it did already."""

        async def send() -> tuple[Confirmed, bool]:
            self._connection.check()
            uncertain, chunk.sent = chunk.sent, max(chunk.sent, index + 1)
            try:
                answer = await self._ask(chunk.records[index].value, chunk.headers[index])
            except (faults.Nobody, faults.Declined):
                chunk.sent = uncertain
                raise
            offset, known = int(str(answer["seq"])), bool(answer.get("duplicate"))
            return self._place(chunk, offset, index < uncertain, known=known), known

        return await self._connection.persist(send)

    def _place(self, chunk: Chunk, offset: Offset, sent: bool, *, known: bool) -> Confirmed:
        """A record's place. One that was known is no repetition if this chunk itself may have stored it."""
        return Confirmed(self._partition, offset, known and not (sent and offset > chunk.floor))

    async def _ask(self, value: bytes, headers: dict[str, str]) -> dict[str, object]:
        try:
            message = await self._connection.ask(self._subject, value, headers)
        except faults.Nobody:
            await self._topics.standing(self.topic, self._partition)  # says so if the topic is no more
            raise
        answer: dict[str, object] = decode_json(message.data)
        if error := answer.get("error"):
            assert isinstance(error, dict)
            raise faults.declined(error, self._connection.shown)
        return answer

    async def _look_up(self, chunk: Chunk, offset: Offset) -> None:
        """Behind a record that was there already, others of the chunk may lie. Which do not is found out later."""
        start, left = len(chunk.places), len(chunk.records) - len(chunk.places)
        try:
            messages = await self._reading.page(self.topic, self._partition, offset + 1, left + BREATH)
        except StoreUnavailable:
            return
        lying = {(message.headers or {}).get(ID): sequence_of(message) for message in messages}
        for index in range(start, len(chunk.records)):
            found = lying.get(chunk.headers[index][ID], 0)
            if found <= offset:
                return
            offset = found
            chunk.places.append(self._place(chunk, found, index < chunk.sent, known=True))

    # -- many

    async def _chain(self, chunk: Chunk) -> bool:
        """Send the rest so that none is stored whose predecessor is not. The one before was stored just now, as the
        last. True if all are."""
        start, end = len(chunk.places), len(chunk.records)
        before = chunk.headers[start - 1][ID]
        try:
            for index in range(start, end - 1):
                headers = chunk.headers[index] | {AFTER_ID: before}
                before = headers[ID]
                await self._connection.send(self._subject, chunk.records[index].value, headers)
                chunk.sent = max(chunk.sent, index + 1)
                if index % BREATH == 0:
                    await asyncio.sleep(0)
            chunk.sent = end
            answer = await self._ask(chunk.records[-1].value, chunk.headers[-1] | {AFTER_ID: before})
        except (StoreUnavailable, faults.Declined):
            return False
        return self._all_stored(chunk, int(str(answer["seq"])), bool(answer.get("duplicate")))

    async def _batch(self, chunk: Chunk) -> None:
        """Send the rest as batches, each of which is stored whole or not at all, until one is not."""
        while (left := len(chunk.records) - len(chunk.places)) > 1:
            size = min(left, BATCH_LIMIT)
            if not await self._one_batch(chunk, size):
                return

    async def _one_batch(self, chunk: Chunk, size: int) -> bool:
        start, name = len(chunk.places), self._nuid.next().decode()
        uncertain = chunk.sent
        try:
            for place in range(1, size):
                index = start + place - 1
                headers = chunk.headers[index] | {BATCH: name, BATCH_PLACE: str(place)}
                await self._connection.send(self._subject, chunk.records[index].value, headers)
                if place % BREATH == 0:
                    await asyncio.sleep(0)
            chunk.sent = max(chunk.sent, start + size)
            last = chunk.headers[start + size - 1] | {BATCH: name, BATCH_PLACE: str(size), BATCH_END: "1"}
            answer = await self._ask(chunk.records[start + size - 1].value, last)
        except faults.Declined:
            chunk.sent = uncertain  # nothing of it was stored
            return False
        except StoreUnavailable:
            return False
        return self._all_stored(chunk, int(str(answer["seq"])), False, size)

    def _all_stored(self, chunk: Chunk, last: Offset, repeated: bool, size: int = 0) -> bool:
        """Note the places of records that were stored one behind the other; whether they were."""
        size = size or len(chunk.records) - len(chunk.places)
        first = last - size + 1
        if repeated or (chunk.places and first <= chunk.places[-1].offset):
            return False  # only if somebody else publishes the same ids at the same time
        chunk.places += [Confirmed(self._partition, offset) for offset in range(first, last + 1)]
        self._last = max(self._last, last)
        return True


def _firsts(records: Sequence[NewRecord]) -> list[int] | None:
    """For each record the first with the same id; None where no id comes twice."""
    seen: dict[str, int] = {}
    firsts = [seen.setdefault(record.id, index) if record.id else index for index, record in enumerate(records)]
    return firsts if len(set(firsts)) < len(firsts) else None


def lost(error: Exception) -> AcknowledgementLost:
    """Something went wrong, and some of the records may be there."""
    store, why = (error.store, error.why) if isinstance(error, StoreError) else ("", str(error))
    return AcknowledgementLost(store, why)

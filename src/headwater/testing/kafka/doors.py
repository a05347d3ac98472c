"""What stands in front of a broker of the mock cluster: passes on all that it does not answer itself."""

import asyncio
import struct
from contextlib import suppress
from typing import NamedTuple

from headwater.testing.kafka.answers import ANSWERED, Answers, with_controller, with_ours
from headwater.testing.kafka.frames import Reading, after_header, framed, frames

PRODUCE, METADATA, VERSIONS = 0, 3, 18
COMPACT = 9  # from this version on, lengths are varints: for what is published and for metadata
END_WITHIN = 5.0  # seconds


class Batch(NamedTuple):
    """Records that somebody publishes, as Kafka knows them again: by who does, and by the number of the first."""

    topic: bytes
    partition: int
    publisher: int
    epoch: int
    first: int


Batches = dict[Batch, "asyncio.Future[bytes]"]
"""The answers to batches. Kafka's brokers take none twice; the mock cluster does, so it is not asked twice."""


class Door:
    """The way to one broker. While it is `mute`, answers to what was published are swallowed."""

    def __init__(self, behind: int, answers: Answers, batches: Batches) -> None:
        self.port = 0
        self.mute = False
        self._behind = behind
        self._answers = answers
        self._batches = batches
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Take connections; always on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._come, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Cut all connections, and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # shut meanwhile
            writer.transport.abort()
            return
        self._open.add(writer)
        with suppress(OSError):
            there, to_there = await asyncio.open_connection("127.0.0.1", self._behind)
            passing = _Passing(self, writer, to_there, self._answers, self._batches)
            outwards = asyncio.create_task(passing.outwards(there), name="kafka-door")
            try:
                await passing.inwards(reader)
            finally:
                self._open.discard(writer)
                writer.transport.abort()
                await passing.end()
                outwards.cancel()
                to_there.transport.abort()


class _Passing:
    """One connection."""

    def __init__(
        self, door: Door, to_client: asyncio.StreamWriter, to_broker: asyncio.StreamWriter, answers: Answers,
        batches: Batches,
    ) -> None:  # fmt: skip
        self._door = door
        self._to_client, self._to_broker = to_client, to_broker
        self._answers, self._batches = answers, batches
        self._asked: dict[int, tuple[int, int, Batch | None]] = {}

    async def inwards(self, reader: asyncio.StreamReader) -> None:
        """Pass on what the client asks, as long as it is there."""
        with suppress(OSError, asyncio.IncompleteReadError):
            async for frame in frames(reader):
                key, version, number = struct.unpack_from(">hhi", frame)
                batch = _batch(frame) if key == PRODUCE and version >= COMPACT else None
                if key in ANSWERED:
                    await self._answer(number, self._answers.to(key, after_header(frame)))
                elif batch is not None and batch in self._batches:
                    answer = await self._batches[batch]
                    if not self._door.mute:
                        await self._answer(number, answer)
                else:
                    if key in (VERSIONS, PRODUCE, METADATA):
                        self._asked[number] = key, version, batch
                    if batch is not None:
                        self._batches[batch] = asyncio.get_running_loop().create_future()
                    self._to_broker.write(framed(frame))
                    await self._to_broker.drain()

    async def _answer(self, number: int, body: bytes) -> None:
        if not self._to_client.is_closing():
            self._to_client.write(framed(struct.pack(">i", number) + body))
            with suppress(OSError):
                await self._to_client.drain()

    async def outwards(self, there: asyncio.StreamReader) -> None:
        """Pass on what the broker answers. What was published is noted when nobody waits for it any more, too."""
        try:
            async for frame in frames(there):
                (number,) = struct.unpack_from(">i", frame)
                key, version, batch = self._asked.pop(number, (-1, 0, None))
                if key == VERSIONS and version < 3:
                    frame = with_ours(frame)
                if key == METADATA and version >= COMPACT:
                    frame = with_controller(frame)
                if batch is not None:
                    self._note(batch, frame[4:])
                if key != PRODUCE or not self._door.mute:
                    await self._answer(number, frame[4:])
        except (OSError, asyncio.IncompleteReadError):
            self._to_client.transport.abort()

    def _note(self, batch: Batch, answer: bytes) -> None:
        self._batches[batch].set_result(answer)
        if _error(answer):
            del self._batches[batch]

    async def end(self) -> None:
        """Once all is noted that was published."""
        asked = [batch for _, _, batch in self._asked.values() if batch is not None]
        waiting = [self._batches[batch] for batch in asked if batch in self._batches]
        if waiting:
            await asyncio.wait(waiting, timeout=END_WITHIN)


def _batch(frame: bytes) -> Batch | None:
    """What is published; None where nobody numbers it. The client sends one partition at a time."""
    request = after_header(frame, tags=True)
    request.compact()  # the transaction's name
    request.number("h")  # how many are to have it
    request.number("i")  # until when
    request.varint()
    topic = request.compact()
    request.varint()
    partition = request.number("i")
    records = Reading(request.compact(), 43)  # offsets, sizes, a checksum, times
    publisher, epoch, first = records.number("q"), records.number("h"), records.number("i")
    return Batch(topic, partition, publisher, epoch, first) if publisher >= 0 else None


def _error(answer: bytes) -> int:
    """Kafka's number for what went wrong with what was published, or 0."""
    said = Reading(answer, 2)  # tags, how many topics
    said.compact()
    said.varint()
    said.number("i")
    return said.number("h")

"""`stream publish`: lines into records of a topic, in their order."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from headwater.cli.lines import Line, LineError, Source, lines_of
from headwater.cli.output import note, progress
from headwater.cli.records import read_json
from headwater.errors import BadInput
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.port import Broker, check_records

BATCH = 1_000
TELL_EVERY = 50_000
ESCAPES = 6  # the most bytes of JSON that a byte of a value takes
ROOM = 64 * 1024  # for what is on a line of JSON besides the value


@dataclass(frozen=True)
class Form:
    """How lines become records: as they are, or as `tail --json` prints them. With an `id` each line has one, made of
    that and its number, so that it counts once however often it is published."""

    key: str | None = None
    id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    json: bool = False

    def record(self, line: Line) -> NewRecord:
        """The record of a line. Raises LineError."""
        id = f"{self.id}-{line.number}" if self.id else ""
        if not self.json:
            return NewRecord(line.text, self.key, id, self.headers)
        try:
            read = read_json(line.text)
        except ValueError as error:
            raise LineError(line.number, str(error)) from error
        key = self.key if read.key is None else read.key
        return NewRecord(read.value, key, read.id or id, {**self.headers, **read.headers})


@dataclass
class Publishing:
    """Publishes lines, and knows how far it is: records `published`, those among them that were there before, and the
    last line of them."""

    broker: Broker
    topic: Topic
    form: Form
    published: int = 0
    repeated: int = 0
    line: int = 0
    _batch: list[NewRecord] = field(default_factory=list)
    _told: int = 0

    def so_far(self) -> str:
        """How many records were published and up to which line, for people."""
        return f"records published: {self.published:,}" + (f", up to line {self.line:,}" if self.line else "")

    async def run(self, source: Source) -> None:
        """Publish all lines. Raises LineError for one that cannot be a record, with everything before it published and
        nothing after it; what Broker.publish raises."""
        longest, read = self.topic.max_record_bytes * ESCAPES + ROOM, 0
        with progress("publishing", source.size or 0, shown=source.size is not None) as show:
            try:
                async with aclosing(lines_of(source, longest)) as parts:
                    async for lines in parts:
                        for line in lines:
                            await self._add(line)
                            read += len(line.text) + 1
                        await self._flush(lines[-1].number if lines else self.line)
                        show(read)
                        self._tell(source)
            except LineError as error:
                await self._flush(error.number - 1)
                raise

    async def _add(self, line: Line) -> None:
        record = self.form.record(line)
        try:
            check_records(self.topic, [record])
        except BadInput as error:
            raise LineError(line.number, str(error)) from error
        self._batch.append(record)
        if len(self._batch) >= BATCH:
            await self._flush(line.number)

    async def _flush(self, line: int) -> None:
        records, self._batch = self._batch, []
        if records:
            work = asyncio.ensure_future(self.broker.publish(self.topic.name, records))
            try:
                await asyncio.shield(work)
            finally:
                confirmed = await work  # what has begun is finished, even by Ctrl-C: else nobody knew what is there
                self.published += len(records)
                self.repeated += sum(each.repeated for each in confirmed)
                self.line = line

    def _tell(self, source: Source) -> None:
        if source.size is None and self.published - self._told >= TELL_EVERY:
            self._told = self.published
            note(f"{self.published:,} records published")

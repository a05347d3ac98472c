"""A file of events into a store: checked first, then appended in its order; again, and it goes on where it stopped."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from headwater.cli.exporting import STDOUT as STDIN
from headwater.cli.output import progress
from headwater.cloudevents import from_json
from headwater.errors import Conflict, MalformedData
from headwater.messages import Envelope, Write
from headwater.store.port import EventStore, as_new

CHUNK = 500


@dataclass
class Imported:
    """What an import did: events in the file, those written now, those that were there before; whether all have the
    positions now that they had."""

    events: int = 0
    written: int = 0
    present: int = 0
    positions_kept: bool = True
    streams: dict[str, int] = field(default_factory=dict)


async def import_events(store: EventStore, file: Path) -> Imported:
    """Append the events of a file ('-': stdin) that are not in the store yet. Raises MalformedData, with nothing
    written, for a file that is not sound; Conflict where the store holds other events in one of its streams."""
    with _input(file) as (source, size):
        _check(source, size)
        source.seek(0)
        done = Imported()
        fresh = await store.head() == 0
        with progress("importing", size) as show:
            for chunk in _chunks(from_json(line, f"event in line {number}") for number, line in _lines(source)):
                new = chunk if fresh else await _missing(store, chunk)
                await _append(store, new, done)
                done.events += len(chunk)
                done.present += len(chunk) - len(new)
                show(source.tell())
    return done


@contextmanager
def _input(file: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A file that can be read twice, and its size."""
    if file != STDIN:
        with file.open("rb") as source:
            yield source, file.stat().st_size
        return
    with tempfile.TemporaryFile() as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        size = spool.tell()
        spool.seek(0)
        yield spool, size


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(iter(source.readline, b""), 1):
        if line.strip():
            yield number, line


def _check(source: BinaryIO, size: int) -> None:
    """Every line is an event, positions grow, and within a stream versions follow each other."""
    last, versions = 0, dict[str, int]()
    with progress("checking", size) as show:
        for number, line in _lines(source):
            event = from_json(line, f"event in line {number}")
            if event.position <= last:
                raise MalformedData(f"event in line {number}", f"position {event.position} comes after {last}")
            version = versions.get(event.stream, event.stream_version - 1)
            if event.stream_version != version + 1:
                why = f"version {event.stream_version} of stream {event.stream!r} comes after {version}"
                raise MalformedData(f"event in line {number}", why)
            last, versions[event.stream] = event.position, event.stream_version
            if number % CHUNK == 0:
                show(source.tell())


def _chunks(events: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    """Runs of events that one append can record in their order: a stream that comes again begins a new one."""
    chunk: list[Envelope] = []
    closed: set[str] = set()
    for event in events:
        if chunk and event.stream != chunk[-1].stream:
            closed.add(chunk[-1].stream)
        if len(chunk) == CHUNK or event.stream in closed:
            yield chunk
            chunk, closed = [], set()
        chunk.append(event)
    if chunk:
        yield chunk


async def _missing(store: EventStore, chunk: list[Envelope]) -> list[Envelope]:
    """The events of a chunk that the store does not have. Raises Conflict where it has another one in that place."""
    found = []
    for stream, events in _by_stream(chunk):
        there = await store.read_stream(stream, after=events[0].stream_version - 1, limit=len(events))
        for event, other in zip(events, there, strict=False):
            if event.id != other.id:
                raise Conflict(
                    f"version {event.stream_version} of stream {stream!r} is the event {other.id} in the store and "
                    f"{event.id} in the file: these are two histories; import into another store"
                )
        found += events[len(there) :]
    return found


def _by_stream(chunk: list[Envelope]) -> Iterable[tuple[str, list[Envelope]]]:
    streams: dict[str, list[Envelope]] = {}
    for event in chunk:
        streams.setdefault(event.stream, []).append(event)
    return streams.items()


async def _append(store: EventStore, events: list[Envelope], done: Imported) -> None:
    if not events:
        return
    writes = [
        Write(stream, [as_new(each) for each in run], expected=run[0].stream_version - 1)
        for stream, run in _by_stream(events)
    ]
    appended = await store.append(*writes)
    done.written += len(events)
    done.positions_kept &= appended.first == events[0].position and appended.last == events[-1].position

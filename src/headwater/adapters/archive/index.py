"""Where the events of an archive are in its file. Synchronous."""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from headwater.cloudevents import from_json
from headwater.errors import MalformedData, StoreCorrupt
from headwater.messages import Envelope, Kind, Position
from headwater.store.archive import Manifest, Pack, digest


class Index:
    """The places of all lines of an archive, by position and by stream: 24 bytes each. `address` is for messages."""

    def __init__(self, file: BinaryIO, address: str) -> None:
        self._file = file
        self._address = address
        self._offsets = array("q", [0])
        self.positions = array("q")
        self.streams: dict[str, array[int]] = {}  # of each stream: the numbers of its lines
        self.first_versions: dict[str, int] = {}
        self.kinds: list[Kind] = []
        self.numbers: dict[tuple[str, int], int] = {}

    @classmethod
    def of(cls, path: Path, manifest: Manifest, address: str) -> "Index":
        """Read a whole archive and compare it with its manifest. Raises StoreCorrupt, OSError."""
        if path.stat().st_size != manifest.bytes:
            why = f"it has {path.stat().st_size:,} bytes, and was written with {manifest.bytes:,}"
            raise StoreCorrupt(address, why)
        if digest(path) != manifest.sha256:
            raise StoreCorrupt(address, "it is not what was written: the hash of its content is another one")
        found = cls(_lines(path), address)
        try:
            found._build()
            if len(found) != manifest.events:
                raise StoreCorrupt(address, f"it has {len(found):,} events, and its manifest says {manifest.events:,}")
        except BaseException:
            found.close()
            raise
        return found

    def __len__(self) -> int:
        return len(self.positions)

    def _build(self) -> None:
        for number, line in enumerate(self._file):
            self._add(number, self._event(number, line))
            self._offsets.append(self._offsets[-1] + len(line))

    def _add(self, number: int, event: Envelope) -> None:
        if self.positions and event.position <= self.positions[-1]:
            raise StoreCorrupt(self._address, f"position {event.position} comes after {self.positions[-1]}")
        lines = self.streams.setdefault(event.stream, array("q"))
        version = self.first_versions.setdefault(event.stream, event.stream_version) + len(lines)
        if event.stream_version != version:
            why = f"version {event.stream_version} of stream {event.stream!r} comes after {version - 1}"
            raise StoreCorrupt(self._address, why)
        kind = Kind(event.type, event.type_version)
        if kind not in self.numbers:
            self.numbers[kind] = len(self.kinds)
            self.kinds.append(kind)
        lines.append(number)
        self.positions.append(event.position)

    def _event(self, number: int, line: bytes) -> Envelope:
        try:
            return from_json(line, f"event in line {number + 1}")
        except MalformedData as error:
            raise StoreCorrupt(self._address, str(error)) from error

    def after(self, position: Position) -> int:
        """The number of the first line after a position."""
        return bisect_right(self.positions, position)

    def between(self, start: int, stop: int) -> Iterator[Envelope]:
        """The events of lines from number `start` on, before `stop`, which may lie beyond the last. Raises
        StoreCorrupt."""
        stop = min(stop, len(self))
        if start < stop:
            text = self._bytes(start, stop)
            for number, line in enumerate(text.splitlines(), start):
                yield self._event(number, line)

    def each(self, numbers: Iterable[int]) -> list[Envelope]:
        """The events of these lines. Raises StoreCorrupt."""
        return [self._event(number, self._bytes(number, number + 1)) for number in numbers]

    def _bytes(self, start: int, stop: int) -> bytes:
        at, size = self._offsets[start], self._offsets[stop] - self._offsets[start]
        found = os.pread(self._file.fileno(), size, at)
        if len(found) < size:
            raise StoreCorrupt(self._address, "it was cut off since it was opened")
        return found

    def of_stream(self, stream: str) -> Sequence[int]:
        """The numbers of the lines of a stream."""
        return self.streams.get(stream, ())

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def packing(file: Path) -> Pack | None:
    """How an archive of that name is packed; None for plain lines. Raises MissingExtra."""
    if file.suffix != ".parquet":
        return None
    from headwater.adapters.archive import parquet

    return parquet.pack


def _lines(file: Path) -> BinaryIO:
    if file.suffix != ".parquet":
        return file.open("rb")
    from headwater.adapters.archive import parquet

    return parquet.unpack(file)

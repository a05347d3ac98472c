"""Archives: events in a file, one CloudEvent a line (or those in Parquet), beside a manifest that says what is in it.

An archive is whole where both files are there. Lines are those of `headwater store export`; data that would not come
back byte for byte stands in them as Base64.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from headwater.cloudevents import is_json, to_json
from headwater.errors import StoreCorrupt
from headwater.messages import Envelope, Position

SOURCE = "urn:headwater:store"
ADDRESS = "archive:///"
FORMAT = 1
PART = 1024 * 1024  # bytes


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in an archive, and how it was chosen: from which `store`, of which `stream` (empty: of all), what lies
    `before` (a time in ISO 8601, or a version). Positions are 0 where there are no events. `sha256` is of the file."""

    store: str
    stream: str
    before: str
    events: int
    first: Position
    last: Position
    bytes: int
    sha256: str
    format: int = FORMAT


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Manifest).decode


def to_line(event: Envelope) -> bytes:
    """A recorded event as one line, without its end, from which it comes back to the byte."""
    data = event.data
    plain = data == data.strip() and b"\n" not in data and b"\r" not in data and is_json(data)
    return to_json(event, SOURCE, sound=plain)


def manifest_of(file: Path) -> Path:
    """Where the manifest of an archive is."""
    return _beside(file, ".manifest.json")


def read_manifest(file: Path) -> Manifest:
    """The manifest of an archive. Raises StoreCorrupt, OSError."""
    try:
        found = _decode(manifest_of(file).read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreCorrupt(f"{ADDRESS}{file}", f"its manifest cannot be read: {error}") from error
    if found.format != FORMAT:
        raise StoreCorrupt(f"{ADDRESS}{file}", f"it has format {found.format}, this Headwater knows {FORMAT}")
    return found


def digest(file: Path) -> str:
    """The SHA-256 of a file as the disk has it, in hex. Raises OSError."""
    found = hashlib.sha256()
    with file.open("rb") as source:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while part := source.read(PART):
            found.update(part)
    return found.hexdigest()


class Writing:
    """An archive that is being written."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._events = self._first = self._last = 0

    def add(self, events: list[Envelope]) -> None:
        """Events that follow, in order of their positions."""
        self._out.write(b"".join(to_line(event) + b"\n" for event in events))
        self._events += len(events)
        if events:
            self._first, self._last = self._first or events[0].position, events[-1].position

    def manifest(self, file: Path, store: str, stream: str, before: str) -> Manifest:
        """What has been written, and is in that file now."""
        size = file.stat().st_size
        return Manifest(store, stream, before, self._events, self._first, self._last, size, digest(file))


Pack = Callable[[Path, Path], None]
"""Makes of a file of lines one of another form."""


@contextmanager
def writing(file: Path, store: str, stream: str, before: str, pack: Pack | None = None) -> Iterator[Writing]:
    """Write an archive, which is there whole behind the block, and safe on the disk; in the form that `pack` gives it.
    One that is interrupted leaves `<file>.partial` and the like, which the next one overwrites. Raises OSError."""
    partial, lines = _beside(file, ".partial"), _beside(file, ".lines.partial" if pack else ".partial")
    with lines.open("wb") as out:
        made = Writing(out)
        yield made
        _sync(out)
    if pack:
        pack(lines, partial)
        with partial.open("rb+") as packed:
            _sync(packed)
        lines.unlink()
    described = _beside(manifest_of(file), ".partial")
    with described.open("wb") as out:
        out.write(msgspec.json.format(_encode(made.manifest(partial, store, stream, before)), indent=2) + b"\n")
        _sync(out)
    described.replace(manifest_of(file))
    _sync_folder(file.parent)  # first: an archive without its manifest would be somebody else's file
    partial.replace(file)
    _sync_folder(file.parent)


def _beside(file: Path, more: str) -> Path:
    return file.with_name(file.name + more)


def _sync(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""An archive as an event store that can be read, and never changes."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from headwater.adapters.archive.index import Index
from headwater.errors import StoreClosed, StoreCorrupt, StoreError, StoreNotFound, StreamTruncated, Unsupported
from headwater.messages import (
    ALL,
    Appended,
    Batch,
    Condition,
    Envelope,
    Page,
    Position,
    Query,
    Receipt,
    Write,
)
from headwater.store.archive import ADDRESS, Manifest, digest, manifest_of, read_manifest
from headwater.store.port import LOAD_LIMIT, Capabilities, Decision, EventStore, Size, check_stream
from headwater.store.removal import Cut, Removed, StreamMark

WINDOW = 20_000
"""How many events one call looks through at most: it bounds the time for which the loop stands still."""


class ArchiveStore:
    """EventStore on an archive. `manifest` says what is in it. A stream whose first events are not in it is one that
    has lost them.

    What only those can answer who are written to is refused with Unsupported.
    """

    capabilities = Capabilities(durable=True, shared=True)

    def __init__(self, path: Path, manifest: Manifest, index: Index, beside: EventStore | None) -> None:
        self.path = path
        self.address = f"{ADDRESS}{path}"
        self.manifest = manifest
        self.index = index
        self._beside = beside
        self._closed = asyncio.Event()

    @classmethod
    async def open(cls, path: str | Path, *, beside: EventStore | None = None) -> Self:
        """Open the archive in a file, all of which is read and compared with its manifest. A store `beside` it is
        closed with it. Raises StoreNotFound, StoreCorrupt, StoreError."""
        try:
            manifest, index = _looked_into(Path(path), f"{ADDRESS}{path}")
        except BaseException:
            if beside:
                await beside.close()
            raise
        return cls(Path(path), manifest, index, beside)

    # -- reading

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        events = await self.read_stream(stream, after=after, limit=limit)
        first = self.index.first_versions.get(stream, 1)
        if max(after, 0) < first - 1:
            raise StreamTruncated(stream, first - 1)
        last = events[-1] if events else None
        return Batch(
            self._json(events), self.index.kinds, len(events),
            last.position if last else 0, last.stream_version if last else after,
        )  # fmt: skip

    async def scan(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Batch:
        page = await self.read(query, after=after, limit=limit)
        return Batch(self._json(page.events), self.index.kinds, len(page.events), page.position)

    def _json(self, events: Iterable[Envelope]) -> bytes:
        numbers = self.index.numbers
        pairs = (b"[%d,%b]" % (numbers[event.type, event.type_version], event.data) for event in events)
        return b"[%b]" % b",".join(pairs)

    async def read(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Page:
        start, head = self._open.after(after), self._head()
        stop = start + (min(limit, WINDOW) if not query.items else WINDOW)
        events: list[Envelope] = []
        for event in self.index.between(start, stop):
            if query.matches(event.type, event.tags):
                events.append(event)
                if len(events) == limit:
                    return Page(events, event.position, head)
        looked = self.index.positions[stop] - 1 if stop < len(self.index) else head
        return Page(events, max(after, looked), head)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        check_stream(stream)
        start = max(after - self._open.first_versions.get(stream, 1) + 1, 0)
        return self.index.each(self.index.of_stream(stream)[start : start + limit])

    async def find_append(self, id: str, fingerprint: str = "") -> Appended | None:
        """Archives do not keep the ids of appends."""
        return None

    async def receipts(self, after: str = "", *, limit: int = 1000) -> list[Receipt]:
        """Archives do not keep the ids of appends."""
        return []

    async def marks(self, after: str = "", *, limit: int = 1000) -> list[StreamMark]:
        first = self._open.first_versions
        names = sorted(name for name, version in first.items() if version > 1 and name > after)
        return [StreamMark(name, first[name] - 1) for name in names[:limit]]

    async def head(self) -> Position:
        return self._head()

    def _head(self) -> Position:
        positions = self._open.positions
        return positions[-1] if positions else 0

    async def wait(self, after: Position, *, timeout: float) -> Position:
        """Nothing ever comes."""
        if self._head() <= after:
            try:
                async with asyncio.timeout(max(timeout, 0)):
                    await self._closed.wait()
            except TimeoutError:
                pass
        return self._head()

    async def size(self) -> Size:
        return Size(len(self._open), self.manifest.bytes)

    async def check(self) -> list[str]:
        self._head()
        try:
            sound = digest(self.path) == self.manifest.sha256
        except OSError as error:
            return [str(error)]
        return [] if sound else ["it is not what was written: the hash of its content is another one"]

    async def obstacles(self) -> list[str]:
        self._head()
        return []

    @property
    def _open(self) -> Index:
        if self._closed.is_set():
            raise StoreClosed(self.address)
        return self.index

    # -- writing

    async def append(
        self, *writes: Write, condition: Condition | None = None, id: str = "", fingerprint: str = ""
    ) -> Appended:
        self._refuse("take events: it never changes")

    async def decide(
        self, stream: str, decision: Decision, *, after: int = 0, id: str = "", fingerprint: str = ""
    ) -> Appended:
        self._refuse("take events: it never changes")

    async def restore(self, events: Sequence[Envelope], receipts: Sequence[Receipt] = ()) -> None:
        self._refuse("take events: it never changes")

    async def put_back(self, events: Sequence[Envelope], *, actor: str = "", reason: str = "") -> Position:
        self._refuse("take events: it never changes")

    async def mark(self, marks: Sequence[StreamMark]) -> None:
        self._refuse("take events: it never changes")

    async def remove(self, *cuts: Cut, actor: str = "", reason: str = "") -> Removed:
        self._refuse("lose events: it never changes")

    async def close_stream(self, stream: str, *, actor: str = "", reason: str = "") -> int:
        self._refuse("close streams: it never changes")

    def _refuse(self, what: str) -> NoReturn:
        self._head()
        raise Unsupported(self.address, what)

    # -- life

    async def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self.index.close()
            if self._beside:
                await self._beside.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _looked_into(file: Path, address: str) -> tuple[Manifest, Index]:
    try:
        if not file.is_file():
            raise StoreNotFound(address, "there is no such file")
        if not manifest_of(file).is_file():
            raise StoreCorrupt(address, f"it has no manifest ({manifest_of(file).name}), so it is no whole archive")
        manifest = read_manifest(file)
        return manifest, Index.of(file, manifest, address)
    except OSError as error:
        raise StoreError(address, str(error)) from error

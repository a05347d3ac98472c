"""The event store in memory: for tests, and for what nobody keeps. Plain lists; it says what the port means."""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from headwater.clock import Clock, SystemClock
from headwater.errors import (
    BadInput,
    ConditionFailed,
    IdReused,
    StoreClosed,
    StreamClosed,
    StreamTruncated,
    UnknownType,
    WrongExpectedVersion,
)
from headwater.messages import (
    ALL,
    Appended,
    Batch,
    Condition,
    Envelope,
    Kind,
    NewEvent,
    Page,
    Position,
    Query,
    Receipt,
    Write,
    new_id,
)
from headwater.store.deciding import decide_optimistically
from headwater.store.port import (
    LOAD_LIMIT,
    MAX_EVENT_BYTES,
    Capabilities,
    Decision,
    Size,
    check_restored,
    check_stream,
    check_writes,
)
from headwater.store.removal import (
    Cut,
    Removed,
    StreamMark,
    StreamWasClosed,
    about_putting_back,
    about_removal,
    check_closable,
    check_mark,
    check_put_back,
    planned,
    recorded,
    taken,
)

ADDRESS = "memory:"
WINDOW = 20_000
"""How many events one call looks through at most: it bounds the time for which the loop stands still."""


class MemoryStore:
    """EventStore in this process's memory. Everything happens at once, between two steps of the event loop."""

    address = ADDRESS
    capabilities = Capabilities(durable=False, shared=False)

    def __init__(self, *, clock: Clock | None = None, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.clock = clock or SystemClock()
        self._max_event_bytes = max_event_bytes
        self._events: list[Envelope] = []
        self._streams: defaultdict[str, list[Envelope]] = defaultdict(list)
        self._marks: dict[str, StreamMark] = {}
        self._appends: dict[str, tuple[Appended, str]] = {}
        self._kinds: list[Kind] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed = False

    # -- writing

    async def append(
        self, *writes: Write, condition: Condition | None = None, id: str = "", fingerprint: str = ""
    ) -> Appended:
        self._check_open()
        check_writes(writes, id, self._max_event_bytes)
        await asyncio.sleep(0)  # as any store would, let others go on: nobody may rely on appends being at once
        if id and (first := self._find_append(id, fingerprint)):
            return first
        for write in writes:
            self._check_version(write)
        if condition:
            self._check_condition(condition)
        done = self._record(writes)
        if id:
            self._appends[id] = done, fingerprint
        self._notify()
        return done

    async def decide(
        self, stream: str, decision: Decision, *, after: int = 0, id: str = "", fingerprint: str = ""
    ) -> Appended:
        return await decide_optimistically(self, stream, decision, after=after, id=id, fingerprint=fingerprint)

    def _check_version(self, write: Write) -> None:
        actual = self._version(write.stream)
        if write.expected is not None and write.expected != actual:
            raise WrongExpectedVersion(write.stream, write.expected, actual)
        if self._mark(write.stream).closed:
            raise StreamClosed(write.stream)

    def _mark(self, stream: str) -> StreamMark:
        return self._marks.get(stream) or StreamMark(stream)

    def _version(self, stream: str) -> int:
        return self._mark(stream).removed + len(self._streams.get(stream, ()))

    def _check_condition(self, condition: Condition) -> None:
        for event in self._events[self._index(condition.after) :]:
            if condition.query.matches(event.type, event.tags):
                raise ConditionFailed(event.position, condition.after)

    def _record(self, writes: tuple[Write, ...]) -> Appended:
        first, now = self._head() + 1, self.clock.now()
        for write in writes:
            for event in write.events:
                self._add(write.stream, event, now)
        return Appended(first, self._head(), tuple(self._version(w.stream) for w in writes))

    def _add(self, name: str, event: NewEvent, now: int) -> None:
        version = self._version(name) + 1
        self._keep(Envelope(
            self._head() + 1, name, version, event.id or new_id(now),
            event.type, event.type_version, event.data, event.time or now, event.tags, event.metadata,
        ))  # fmt: skip

    def _keep(self, envelope: Envelope) -> None:
        kind = Kind(envelope.type, envelope.type_version)
        if kind not in self._numbers:
            self._numbers[kind] = len(self._kinds)
            self._kinds.append(kind)
        self._events.append(envelope)
        self._streams[envelope.stream].append(envelope)

    async def receipts(self, after: str = "", *, limit: int = 1000) -> list[Receipt]:
        self._check_open()
        ids = sorted(id for id in self._appends if id > after)[:limit]
        found = [(id, *self._appends[id]) for id in ids]
        return [Receipt(id, done.first, done.last, done.versions, fingerprint) for id, done, fingerprint in found]

    async def restore(self, events: Sequence[Envelope], receipts: Sequence[Receipt] = ()) -> None:
        self._check_open()
        await asyncio.sleep(0)
        versions = {event.stream: self._version(event.stream) for event in events}
        check_restored(events, self._head(), versions)
        for event in events:
            self._keep(event)
        for each in receipts:
            self._appends.setdefault(each.id, (Appended(each.first, each.last, each.versions), each.fingerprint))
        self._notify()

    # -- removing

    async def remove(self, *cuts: Cut, actor: str = "", reason: str = "") -> Removed:
        self._check_open()
        await asyncio.sleep(0)
        known = {cut.stream: (self._mark(cut.stream).removed, self._version(cut.stream)) for cut in cuts}
        wanted = planned(cuts, {stream: place for stream, place in known.items() if place[1]})
        if not wanted:
            return Removed(0, 0, 0)
        about = about_removal(wanted, known, reason)
        done = self._record((recorded(about, actor),))  # first: the last position stays the last one
        before = {cut.stream: cut.before for cut in wanted}
        self._events = [each for each in self._events if each.stream_version >= before.get(each.stream, 0)]
        for stream, version in before.items():
            del self._streams[stream][: version - 1 - known[stream][0]]
            self._marks[stream] = StreamMark(stream, version - 1, self._mark(stream).closed)
        self._notify()
        return Removed(about.events, about.streams, done.last)

    async def close_stream(self, stream: str, *, actor: str = "", reason: str = "") -> int:
        self._check_open()
        check_stream(stream)
        check_closable(stream)
        await asyncio.sleep(0)
        mark, version = self._mark(stream), self._version(stream)
        if not version:
            raise UnknownType("stream", stream)
        if not mark.closed:
            self._marks[stream] = StreamMark(stream, mark.removed, closed=True)
            self._record((recorded(StreamWasClosed(stream, version, reason), actor),))
            self._notify()
        return version

    async def marks(self, after: str = "", *, limit: int = 1000) -> list[StreamMark]:
        self._check_open()
        return [self._marks[name] for name in sorted(self._marks) if name > after][:limit]

    async def mark(self, marks: Sequence[StreamMark]) -> None:
        self._check_open()
        for mark in marks:
            check_mark(mark, self._mark(mark.stream).removed, self._version(mark.stream))
        self._marks |= {
            mark.stream: StreamMark(mark.stream, mark.removed, mark.closed or self._mark(mark.stream).closed)
            for mark in marks
        }

    async def put_back(self, events: Sequence[Envelope], *, actor: str = "", reason: str = "") -> int:
        self._check_open()
        if not events:
            raise BadInput("there are no events to put back")
        left = check_put_back(events, {name: mark.removed for name, mark in self._marks.items()}, self._head())
        if both := {each.position for each in events} & {each.position for each in self._events}:
            raise taken(both)
        self._events = sorted([*self._events, *events], key=lambda each: each.position)
        for stream, removed in left.items():
            self._streams[stream][:0] = [each for each in events if each.stream == stream]
            self._unmark(StreamMark(stream, removed, self._mark(stream).closed))
        done = self._record((recorded(about_putting_back(events, reason), actor),))
        self._notify()
        return done.last

    def _unmark(self, mark: StreamMark) -> None:
        del self._marks[mark.stream]
        if mark.removed or mark.closed:
            self._marks[mark.stream] = mark

    # -- reading

    async def load(self, stream: str, *, after: int = 0, limit: int = LOAD_LIMIT) -> Batch:
        events = await self.read_stream(stream, after=after, limit=limit)
        if (removed := self._mark(stream).removed) > max(after, 0):
            raise StreamTruncated(stream, removed)
        last = events[-1] if events else None
        return Batch(
            self._json(events), self._kinds, len(events),
            last.position if last else 0, last.stream_version if last else after,
        )  # fmt: skip

    async def scan(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Batch:
        page = await self.read(query, after=after, limit=limit)
        return Batch(self._json(page.events), self._kinds, len(page.events), page.position)

    async def read(self, query: Query = ALL, *, after: Position = 0, limit: int = 1000) -> Page:
        self._check_open()
        events: list[Envelope] = []
        start = self._index(after)
        for event in self._events[start : start + WINDOW]:
            if query.matches(event.type, event.tags):
                events.append(event)
                if len(events) == limit:
                    break
        head, beyond = self._head(), self._events[start + WINDOW : start + WINDOW + 1]
        looked = beyond[0].position - 1 if beyond else head
        reached = events[-1].position if len(events) == limit else max(after, looked)
        return Page(events, reached, head)

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
        self._check_open()
        check_stream(stream)
        start = max(after - self._mark(stream).removed, 0)
        return self._streams.get(stream, [])[start : start + limit]

    def _json(self, events: Iterable[Envelope]) -> bytes:
        pairs = (b"[%d,%b]" % (self._numbers[event.type, event.type_version], event.data) for event in events)
        return b"[%b]" % b",".join(pairs)

    async def find_append(self, id: str, fingerprint: str = "") -> Appended | None:
        self._check_open()
        return self._find_append(id, fingerprint)

    def _find_append(self, id: str, fingerprint: str) -> Appended | None:
        if id not in self._appends:
            return None
        done, known = self._appends[id]
        if fingerprint and known and fingerprint != known:
            raise IdReused(id)
        return Appended(done.first, done.last, done.versions, repeated=True)

    async def head(self) -> Position:
        self._check_open()
        return self._head()

    def _head(self) -> Position:
        return self._events[-1].position if self._events else 0

    def _index(self, after: Position) -> int:
        """Where the events after a position begin: positions may have gaps."""
        return bisect_right(self._events, after, key=lambda event: event.position)

    # -- waiting

    async def wait(self, after: Position, *, timeout: float) -> Position:
        try:
            async with asyncio.timeout(max(timeout, 0)):
                while await self.head() <= after:
                    await self._change()
        except TimeoutError:
            pass
        return await self.head()

    async def _change(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _notify(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    # -- life

    async def size(self) -> Size:
        self._check_open()
        return Size(len(self._events), None)

    async def obstacles(self) -> list[str]:
        self._check_open()
        return []

    async def check(self) -> list[str]:
        self._check_open()
        return []

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(ADDRESS)

    async def close(self) -> None:
        self._closed = True
        self._notify()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

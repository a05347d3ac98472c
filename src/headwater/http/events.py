"""GET /events and GET /streams/{stream}: recorded events as CloudEvents, a page as JSON or without end as SSE."""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.cloudevents import to_json
from headwater.http.deadlines import Deadlines
from headwater.http.limits import Limits
from headwater.http.params import MAX_TAGS, Params, malformed, whole
from headwater.http.sse import HEARTBEAT, Chunks, EventStreams
from headwater.http.wire import JSON, JSON_BATCH, POSITION, in_time, respond
from headwater.keys.fetching import with_keys
from headwater.messages import Envelope, Query, query
from headwater.store.port import check_stream
from headwater.store.subscription import subscribe

HEAD = b"headwater-head"
PAGE = 100  # events read at once for an event stream
CHUNK = 64 * 1024  # bytes sent at once
PAUSE = 0.02  # seconds: a stream's follower looks no more often, however much is appended elsewhere


class Asked(NamedTuple):
    """Events of some `types` (none: of all), and what the store is asked for to have them."""

    types: frozenset[str]
    query: Query


class Events:
    """All events, or those of one stream, as what they are today."""

    def __init__(self, runtime: Runtime, limits: Limits, streams: EventStreams) -> None:
        self._store = runtime.store
        self._limits = limits
        self._time = Deadlines(limits.request_timeout)
        self._streams = streams
        self._catalog = runtime.app.events
        self._types = {kind.type for kind in runtime.app.events.types}
        self._encode = partial(to_json, source=f"urn:headwater:app:{runtime.app.name}")

    async def all(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /events: after a position, of some types, with some tags."""
        params, headers = Params(scope), dict(scope["headers"])
        after, limit = self._from(params, headers)
        asked = self._query(params)
        params.done()
        if _wants_stream(headers):
            await self._streams.serve(scope, receive, send, self._follow(asked, after))
            return
        page = await in_time(self._store.read(asked.query, after=after, limit=limit), self._time)
        found = await self._today(page.events, asked.types)
        await self._answer(send, headers, found, (POSITION, b"%d" % page.position), (HEAD, b"%d" % page.head))

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /streams/{stream}: after a version of that stream."""
        name = scope["path_params"]["stream"]
        check_stream(name)
        params, headers = Params(scope), dict(scope["headers"])
        after, limit = self._from(params, headers)
        params.done()
        if _wants_stream(headers):
            await self._streams.serve(scope, receive, send, self._follow_stream(name, after))
            return
        found = await in_time(self._store.read_stream(name, after=after, limit=limit), self._time)
        await self._answer(send, headers, await self._today(found))

    def _from(self, params: Params, headers: dict[bytes, bytes]) -> tuple[int, int]:
        """Where to begin, and how many at most. A client that comes back says in a header what it saw last."""
        after = params.whole("after", 0)
        limit = params.whole("limit", self._limits.page, low=1, high=self._limits.max_page)
        seen = headers.get(b"last-event-id")
        return after if seen is None else whole("header 'Last-Event-ID'", seen.decode("latin-1")), limit

    def _query(self, params: Params) -> "Asked":
        types, tags = params.words("types"), params.words("tags", MAX_TAGS)
        if unknown := [name for name in types if name not in self._types]:
            raise malformed("types", f"no event type {unknown[0][:80]!r}; there are: {', '.join(sorted(self._types))}")
        return Asked(frozenset(types), query(*self._catalog.chains.sources(types), tags=tags))

    async def _today(self, events: Iterable[Envelope], types: Collection[str] = ()) -> list[Envelope]:
        """Events as what they are today, those of some types. Personal data stays sealed."""
        envelopes = self._catalog.envelopes
        today = [each for event in events for each in await with_keys(partial(envelopes, event))]
        return [each for each in today if not types or each.type in types]

    async def _answer(
        self, send: Send, headers: dict[bytes, bytes], found: Iterable[Envelope], *more: tuple[bytes, bytes]
    ) -> None:
        batch = JSON_BATCH in headers.get(b"accept", b"")
        content_type = (b"content-type", JSON_BATCH) if batch else JSON
        await respond(send, 200, b"[" + b",".join(map(self._encode, found)) + b"]", content_type, *more)

    async def _follow(self, asked: "Asked", after: int) -> Chunks:
        """Events that match, for ever; where none do, how far was looked, so that a client comes back to there."""
        async for page in subscribe(self._store, asked.query, after=after, limit=PAGE, idle=self._limits.heartbeat):
            found = await self._today(page.events, asked.types)
            for chunk in _chunks((b"%d" % each.position, self._encode(each)) for each in found):
                yield chunk
            if not found:
                yield HEARTBEAT if page.position <= after else b"id: %d\n\n" % page.position
            after = page.position

    async def _follow_stream(self, name: str, after: int) -> Chunks:
        """Events of one stream, for ever. The id is the version within the stream, which `after` counts in."""
        now, silence = asyncio.get_running_loop().time, self._limits.heartbeat
        due = now() + silence
        while True:
            read_at, head = now(), await self._store.head()
            found = await self._store.read_stream(name, after=after, limit=PAGE)
            for chunk in _chunks(
                (b"%d" % each.stream_version, self._encode(each)) for each in await self._today(found)
            ):
                yield chunk
            if found:
                after, due = found[-1].stream_version, now() + silence
            elif now() >= due:
                due = now() + silence
                yield HEARTBEAT
            if len(found) < PAGE:
                await self._store.wait(head, timeout=max(0.0, due - now()))
                await asyncio.sleep(read_at + PAUSE - now())


def _wants_stream(headers: dict[bytes, bytes]) -> bool:
    """Event streams are for those who ask for them by name, as EventSource does; `*/*` gets a page."""
    return b"text/event-stream" in headers.get(b"accept", b"").lower()


def _chunks(events: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Events, each an id and a line of data, as server-sent events, several to a chunk."""
    chunk = bytearray()
    for id, data in events:
        chunk += b"id: %b\ndata: %b\n\n" % (id, data)
        if len(chunk) >= CHUNK:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)

"""Server-sent events: open streams are few enough, hold one page each, and end at once when asked to."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from starlette.types import Receive, Scope, Send

from headwater.errors import Overloaded
from headwater.http.limits import Limits

CLOSING = "headwater.closing"
"""Where `serve` puts its Closing in the state of each request. Other servers have none: they wait for clients."""

HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # else some proxies hold events back
]
HEARTBEAT = b": still here\n\n"
_START = b"retry: 1000\n\n"
_FAREWELL = 0.5  # seconds for the last chunk; a client that does not read by then is cut off
_RETRY_AFTER = 5.0

log = logging.getLogger("headwater.http")

Chunks = AsyncGenerator[bytes, None]


class Closing:
    """How a server that is to stop and the event streams that it serves come apart.

    `asked` is set when streams are to end; `cut_off` drops the connection of a client that stopped reading.
    """

    def __init__(self, cut_off: Callable[[Any], None]) -> None:
        self.asked = asyncio.Event()
        self.cut_off = cut_off


class EventStreams:
    """The open event streams of one application, at most `max_event_streams`."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.max_event_streams
        self.open = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send, chunks: Chunks) -> None:
        """Send `chunks` until they end, the client leaves, or the server is to stop. Raises Overloaded."""
        async with aclosing(chunks):
            if self.open >= self._most:
                raise Overloaded("the number of event streams", self._most, _RETRY_AFTER)
            self.open += 1
            try:
                await self._serve(scope, receive, send, chunks)
            finally:
                self.open -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send, chunks: Chunks) -> None:
        closing: Closing | None = scope.get("state", {}).get(CLOSING)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] != "HEAD":
            await _first_of(receive, send, chunks, closing)
        if not await _in_time(send({"type": "http.response.body", "body": b""})) and closing is not None:
            closing.cut_off(scope["client"])
            await _in_time(_gone(receive))


async def _first_of(receive: Receive, send: Send, chunks: Chunks, closing: Closing | None) -> None:
    """Send until the first of: nothing more to send, the client is gone, the server is to stop."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_send_all(send, chunks)), group.create_task(_gone(receive))]
        if closing is not None:
            tasks.append(group.create_task(_set(closing.asked)))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _send_all(send: Send, chunks: Chunks) -> None:
    """Sending waits for the client to read, and the next chunk is only asked for after that: nothing piles up."""
    try:
        await send({"type": "http.response.body", "body": _START, "more_body": True})
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except Exception:  # the answer has begun, so all that can be done is to end it: the client comes again
        log.exception("an event stream broke off")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _in_time(work: Awaitable[None]) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(_FAREWELL):
            await work
            return True
    return False


async def _set(event: asyncio.Event) -> None:
    await event.wait()

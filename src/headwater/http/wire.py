"""Requests and responses as ASGI messages, without objects in between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from starlette.types import Message, Receive, Scope, Send

from headwater.http.deadlines import DeadlinePassed, Deadlines
from headwater.http.problems import Fault, problem_of

JSON = (b"content-type", b"application/json")
JSON_BATCH = b"application/cloudevents-batch+json"
POSITION = b"headwater-position"
LINGER = 5.0  # seconds in which a refused body is still read
SILENCE = 0.5  # seconds without any of it that end this early
_CLOSE = (b"connection", b"close")

T = TypeVar("T")

Handle = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGone(Exception):
    """The client hung up; there is nobody to answer."""


class Unread(Fault):
    """A fault found while the client is still sending its body."""


class Endpoint:
    """A handler as an ASGI application: its errors become problem details."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._handle(scope, receive, send)
        except ClientGone:
            return
        except Unread as fault:
            await _refuse(receive, send, fault)
        except Exception as error:
            status, body, headers = problem_of(error)
            await respond(send, status, body, *headers)


def timed(handle: Handle, deadlines: Deadlines) -> Handle:
    """A handler whose time is limited."""

    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        await in_time(handle(scope, receive, send), deadlines)

    return within


async def in_time(work: Awaitable[T], deadlines: Deadlines) -> T:
    """What `work` returns. Raises a 503 fault when it takes too long."""
    try:
        return await deadlines.run(work)
    except DeadlinePassed:
        detail = "This took too long, and whether it was done is not known. A command can be repeated safely with the "
        detail += "same Idempotency-Key, an event with the same id."
        raise Fault(503, "timed-out", detail, headers=[(b"retry-after", b"1")]) from None


async def respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": status, "headers": [_length(body), *headers]})
    await send({"type": "http.response.body", "body": body})


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(body))


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int, deadlines: Deadlines) -> bytes:
    """The request's body. Raises a 413 or 408 fault as soon as it is too long or too late, and ClientGone."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    try:
        body = await deadlines.run(_read(receive, limit))
    except DeadlinePassed:
        detail = f"The body took longer than {deadlines.seconds:g} s."
        raise Unread(408, "request-timeout", detail, headers=[_CLOSE]) from None
    if len(body) > limit:
        raise _too_large(limit)
    return body


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    body = _part(message)
    return await _read_rest(bytearray(body), receive, limit) if message.get("more_body") else body


async def _read_rest(body: bytearray, receive: Receive, limit: int) -> bytes:
    more = True
    while more and len(body) <= limit:
        message = await receive()
        body += _part(message)
        more = message.get("more_body", False)
    return bytes(body)


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    part: bytes = message.get("body", b"")
    return part


def _too_large(limit: int) -> Unread:
    return Unread(413, "content-too-large", f"The body is longer than {limit} bytes.", limit=limit, headers=[_CLOSE])


async def _refuse(receive: Receive, send: Send, fault: Fault) -> None:
    """Answer a client who is still sending, then read on for a moment before the connection closes.

    Closing at once would reset the connection, and the client might never see the answer.
    """
    status, body, headers = problem_of(fault)
    await send({"type": "http.response.start", "status": status, "headers": [_length(body), *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER):
            while (await asyncio.wait_for(receive(), SILENCE)).get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})

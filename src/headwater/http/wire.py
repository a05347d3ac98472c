"""Requests and responses as ASGI messages, without objects in between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from starlette.types import Message, Receive, Scope, Send

from headwater.http.limits import Limits
from headwater.http.problems import Fault, problem_of

JSON = (b"content-type", b"application/json")
POSITION = b"headwater-position"
LINGER = 1.0  # seconds
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


def timed(handle: Handle, seconds: float) -> Handle:
    """A handler that is given so many seconds."""

    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        await in_time(handle(scope, receive, send), seconds)

    return within


async def in_time(work: Awaitable[T], seconds: float) -> T:
    """What `work` returns. Raises a 503 fault when it takes more than so many seconds."""
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await work
    except TimeoutError:
        if not deadline.expired():
            raise
    raise Fault(503, "timed-out", "This took too long, and whether it was done is not known. A command can be "
                "repeated safely with the same Idempotency-Key.", headers=[(b"retry-after", b"1")])  # fmt: skip


async def respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole response."""
    await send({"type": "http.response.start", "status": status, "headers": [_length(body), *headers]})
    await send({"type": "http.response.body", "body": body})


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(body))


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limits: Limits) -> bytes:
    """The request's body. Raises a 413 or 408 fault as soon as it is too long or too late, and ClientGone."""
    declared, limit = headers.get(b"content-length", b""), limits.max_body_bytes
    if declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(limits.body_timeout) as deadline:
            message = await receive()
            body = _part(message)
            if message.get("more_body"):
                body = await _read_rest(bytearray(body), receive, limit)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise Unread(408, "request-timeout", f"The body took longer than {limits.body_timeout:g} s.",
                     headers=[_CLOSE]) from None  # fmt: skip
    if len(body) > limit:
        raise _too_large(limit)
    return body


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
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body", "body": b""})

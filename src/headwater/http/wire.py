"""Requests and responses as ASGI messages, without objects in between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from headwater.http.limits import Limits
from headwater.http.problems import Fault, problem_of

JSON = (b"content-type", b"application/json")
POSITION = b"headwater-position"
DRAIN_SECONDS = 2.0

Handle = Callable[[Scope, Receive, Send], Awaitable[None]]


class ClientGone(Exception):
    """The client hung up; there is nobody to answer."""


class Endpoint:
    """A handler as an ASGI application: its errors become problem details."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._handle(scope, receive, send)
        except ClientGone:
            return
        except Exception as error:
            status, body, headers = problem_of(error)
            await respond(send, status, body, *headers)


def timed(handle: Handle, limits: Limits) -> Handle:
    """A handler that is given `request_timeout` seconds."""

    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(limits.request_timeout) as deadline:
                await handle(scope, receive, send)
        except TimeoutError as error:
            raise (timed_out() if deadline.expired() else error) from error

    return within


def timed_out() -> Fault:
    """The fault of a request that took too long in here."""
    return Fault(503, "timed-out", "It took too long; whether it was done is not known. Repeat it with the same "
                 "Idempotency-Key to learn that.", headers=[(b"retry-after", b"1")])  # fmt: skip


async def respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole response."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The request's body. Raises a 413 fault as soon as it is known to be above `limit`, and ClientGone."""
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = _part(message)
    if not message.get("more_body"):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    return await _read_rest(bytearray(body), receive, limit)


async def _read_rest(body: bytearray, receive: Receive, limit: int) -> bytes:
    more = True
    while more and len(body) <= limit:
        message = await receive()
        body += _part(message)
        more = message.get("more_body", False)
    if len(body) > limit:
        raise _too_large(limit)
    return bytes(body)


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    part: bytes = message.get("body", b"")
    return part


def _too_large(limit: int) -> Fault:
    return Fault(413, "content-too-large", f"The body is longer than {limit} bytes.", limit=limit,
                 headers=[(b"connection", b"close")])  # fmt: skip


async def refuse_body(receive: Receive, send: Send, fault: Fault) -> None:
    """Answer a client who is still sending, then read on for a moment before the connection closes.

    Closing at once would reset the connection, and the client might never see the answer.
    """
    status, body, headers = problem_of(fault)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            message: Any = {"more_body": True}
            while message.get("more_body"):
                message = await receive()
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})

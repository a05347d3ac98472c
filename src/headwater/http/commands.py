"""POST /commands/{name}, the hot path: one pass over the headers, one decode, one execution, one encode."""

import re
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.commands.executor import Executed
from headwater.errors import InvalidName, MalformedData
from headwater.http.deadlines import Deadlines
from headwater.http.limits import Limits
from headwater.http.problems import Fault
from headwater.http.wire import JSON, POSITION, in_time, read_body, respond
from headwater.messages import NO_METADATA, Metadata

TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")
MAX_CHARS = 255
ID_PATTERN = "^[!-~]([ -~]*[!-~])?$"
_WORDS = "[!#-~]([ !#-~]*[!#-~])?"
KEY_PATTERN = f'^("{_WORDS}"|{_WORDS})$'
"""A string in quotes, as the draft of the header says, or without them, as most send it."""

_ID, _KEY = re.compile(ID_PATTERN), re.compile(KEY_PATTERN)
_RULE = f"1 to {MAX_CHARS} printable ASCII characters, no space at either end"


class Happened(msgspec.Struct, frozen=True, gc=False):
    """An event that a command caused."""

    type: str
    version: int
    data: Any


class Done(msgspec.Struct, frozen=True, gc=False):
    """The answer to a command."""

    id: str
    stream: str
    version: int
    position: int
    repeated: bool
    events: list[Happened]


class Commands:
    """Executes the command named in the path, with the body as its content.

    `Idempotency-Key` becomes the command's id: the same key returns the first result. With `actor_header`, the header
    of that name says who asks; something in front must set it, as any client could.
    """

    def __init__(self, runtime: Runtime, limits: Limits, actor_header: str = "") -> None:
        self._execute = runtime.executor.execute
        self._decode = runtime.app.commands.decode
        self._kinds = {cls: kind for kind, cls in runtime.app.events.types.items()}
        self._encode = msgspec.json.Encoder().encode
        self._max_body = limits.max_body_bytes
        self._body_time, self._time = Deadlines(limits.body_timeout), Deadlines(limits.request_timeout)
        self._actor = actor_header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if headers.get(b"content-type") != b"application/json":
            _check_content_type(headers.get(b"content-type", b""))
        body = await read_body(headers, receive, self._max_body, self._body_time)
        command = self._command(scope["path_params"]["name"], body)
        key = headers.get(b"idempotency-key")
        work = self._execute(command, id="" if key is None else key_of(key), metadata=self._metadata(headers))
        done = await in_time(work, self._time)
        await respond(send, 200, self._answer(done), JSON, (POSITION, b"%d" % done.position))

    def _command(self, name: str, body: bytes) -> Any:
        try:
            return self._decode(name, body)
        except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets thousands deep
            raise MalformedData(f"command {name!r}", str(error)) from error

    def _metadata(self, headers: dict[bytes, bytes]) -> Metadata:
        correlation, trace = headers.get(b"x-correlation-id"), headers.get(b"traceparent")
        actor = headers.get(self._actor)
        if correlation is None and trace is None and actor is None:
            return NO_METADATA
        return Metadata(
            correlation_id="" if correlation is None else checked("X-Correlation-ID", correlation),
            traceparent="" if trace is None else trace_of(trace),
            actor="" if actor is None else checked(self._actor.decode(), actor),
        )

    def _answer(self, done: Executed) -> bytes:
        kinds = self._kinds
        events = [Happened(*kinds[event.__class__], event) for event in done.events]
        return self._encode(Done(done.id, done.stream, done.version, done.position, done.repeated, events))


def _check_content_type(value: bytes) -> None:
    """JSON must say that it is JSON: a browser asks before it sends that across origins, and not before others."""
    media_type = value.split(b";", 1)[0].strip().lower()
    if media_type != b"application/json":
        raise Fault(415, "unsupported-media-type", "Send JSON, with Content-Type: application/json.",
                    headers=[(b"accept-post", b"application/json")])  # fmt: skip


def key_of(value: bytes) -> str:
    """The key in an `Idempotency-Key` header, with or without quotes. Raises InvalidName."""
    return checked("Idempotency-Key", value, _KEY).strip('"')


def checked(header: str, value: bytes, pattern: re.Pattern[str] = _ID) -> str:
    """The text of a header. Raises InvalidName unless it is of the form of an id."""
    text = value.decode("latin-1")
    if len(text) > MAX_CHARS or not pattern.match(text):
        raise InvalidName(header, text, _RULE)
    return text


def trace_of(value: bytes) -> str:
    """A W3C trace context; one that is malformed is left out, as its specification asks."""
    text = value.decode("latin-1")
    return text if TRACEPARENT.match(text) else ""

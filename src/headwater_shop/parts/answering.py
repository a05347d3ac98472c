"""Between HTTP and what answers it: JSON in, JSON or problem details out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headwater.errors import MalformedData, Rejected, UnknownType
from headwater.http.deadlines import Deadlines
from headwater.http.problems import Fault
from headwater.http.wire import JSON, Endpoint, in_time, read_body, respond
from headwater_shop.parts.asking import NoAnswer

T = TypeVar("T")

MAX_BODY: Final = 64 * 1024
BODY_WITHIN, ANSWER_WITHIN = 10.0, 15.0  # seconds
MAX_FIELDS: Final = 20

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Asked:
    """A request: what stands in its path, in its query, and its body."""

    path: dict[str, str]
    query: dict[str, str]
    body: bytes

    def content(self, of: type[T]) -> T:
        """The body as that. Raises MalformedData."""
        try:
            return msgspec.json.decode(self.body, type=of)
        except (ValueError, RecursionError) as error:
            raise MalformedData("body", str(error)) from error


Answer = tuple[int, Any]
"""A status, and what goes out as JSON."""
Do = Callable[[Asked], Awaitable[Answer]]


def route(method: str, path: str, do: Do, *, within: float = ANSWER_WITHIN) -> Route:
    """What answers that method at that path, `within` seconds. A rule's "no" is a 409 with its code, or a 404 where it
    is about something that is not there; NoAnswer is a 502, 503 or 504."""
    bodies, answers = Deadlines(BODY_WITHIN), Deadlines(within)

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        body = b"" if method == "GET" else await read_body(dict(scope["headers"]), receive, MAX_BODY, bodies)
        asked = Asked(scope["path_params"], _query(scope["query_string"]), body)
        status, content = await in_time(_done(do, asked), answers)
        await respond(send, status, _encode(content), JSON)

    return Route(path, Endpoint(handle), methods=[method])


async def _done(do: Do, asked: Asked) -> Answer:
    try:
        return await do(asked)
    except Rejected as no:
        status = 404 if no.code == "not_placed" else 409
        raise Fault(status, "rejected", no.reason, code=no.code, facts=no.facts) from no
    except NoAnswer as error:
        raise Fault(error.status, "no-answer", str(error), headers=[(b"retry-after", b"1")]) from error
    except UnknownType as error:
        if error.what != "view":
            raise
        detail = "The shop's views are not built yet."
        raise Fault(503, "not-yet-visible", detail, headers=[(b"retry-after", b"1")]) from error


def _query(text: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(text.decode(), max_num_fields=MAX_FIELDS))
    except ValueError as error:
        raise MalformedData("query", str(error)) from error


def missing(what: str, id: str) -> Fault:
    """The answer where there is no such thing."""
    return Fault(404, "not-found", f"There is no {what} {id}.", code="not_found")

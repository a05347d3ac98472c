"""The words and building blocks of the OpenAPI document."""

from typing import Any

from headwater.http.params import MAX_VALUES

Json = dict[str, Any]

ABOUT = (
    "Commands change things, views answer questions, events say what happened. A command answers with the position of "
    "its events; a view asked with `after` set to it shows them. Errors are problem details (RFC 9457), their `type` "
    "`urn:headwater:problem:…`."
)
DONE = "Done: the events that it caused, which may be none."
EVENTS = "CloudEvents 1.0, in order: a page as JSON, or with `Accept: text/event-stream` without end, new ones at once."
KEY = "Makes the command count once: the same key with the same content returns the first result."
CORRELATION = "The conversation that the command belongs to; recorded with its events."
TRACE = "A W3C trace context; recorded with the events. A malformed one is left out."
ACTOR = "Who asks; set by the gateway in front."
ORDER = "Fields to sort by, the first one first; a leading - means descending."
FILTER = "Only rows with this value in the field; given several times, with any of them."
AFTER_OF_VIEW = "Wait until the view has reached this position, such as the one that a command answered with."
AFTER_POSITION = "Only events after this position."
AFTER_VERSION = "Only events after this version of the stream."
TIMEOUT = "Seconds to wait at most; then 503."
LAST_EVENT_ID = "The id of the last event seen; goes before `after`. EventSource sends it when it reconnects."
POSITION_OF_COMMAND = "The position of the command's last event."
POSITION_OF_VIEW = "The position that the view has reached."

_FAILURES = {
    400: "The request can never succeed as it is.",
    404: "There is no such thing.",
    408: "The body took too long to arrive.",
    409: "It does not fit what is recorded: someone else was first, or nothing is at that position yet.",
    413: "The body, or an event that would follow, is too long.",
    415: "The body is not of a form that is taken, or does not say so.",
    422: "The rules of the application say no, or the Idempotency-Key was used before for something else.",
    429: "Those who read the topic are too far behind, or too much comes at once. Retry-After says when to try again.",
    500: "Something went wrong here.",
    503: "Not now: overloaded, not there yet, or the store cannot work. Retry-After says when to try again.",
    507: "The store is full.",
}

_POSITION: Json = {"type": "integer", "minimum": 0}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}}

PAGE_HEADERS: Json = {
    "Headwater-Position": {"description": "How far was read: go on after it. Not of SSE.", "schema": _POSITION},
    "Headwater-Head": {"description": "The last position there was. Not of SSE.", "schema": _POSITION},
}


def answer(description: str, schema: Json, *, position: str = "") -> Json:
    """A response of JSON; with `position`, it comes with that header."""
    made: Json = {"description": description, "content": {"application/json": {"schema": schema}}}
    if position:
        made["headers"] = {"Headwater-Position": {"description": position, "required": True, "schema": _POSITION}}
    return made


def failures(schema: Json, *statuses: int) -> Json:
    """Responses of problem details."""
    return {str(status): _failure(status, schema) for status in statuses}


def _failure(status: int, schema: Json) -> Json:
    made: Json = {"description": _FAILURES[status], "content": {"application/problem+json": {"schema": schema}}}
    return made | {"headers": _RETRY_AFTER} if status in (429, 503) else made


def header(name: str, description: str, **schema: Any) -> Json:
    """A request header that may be left out."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


def whole(name: str, description: str, *, low: int = 0, high: int, default: int) -> Json:
    """A query parameter that is a whole number."""
    schema = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def words(name: str, description: str, item: Json, most: int = MAX_VALUES) -> Json:
    """A query parameter of words with commas between them."""
    schema = {"type": "array", "items": item, "minItems": 1, "maxItems": most}
    return {"name": name, "in": "query", "description": description, "explode": False, "schema": schema}


def closed(properties: Json) -> Json:
    """The schema of an object with exactly these members."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }

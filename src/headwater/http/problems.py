"""Errors as problem details (RFC 9457): one table says which error is which status."""

import logging
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from headwater import errors

Headers = Sequence[tuple[bytes, bytes]]

log = logging.getLogger("headwater.http")

TYPE = "urn:headwater:problem:"
CONTENT_TYPE = (b"content-type", b"application/problem+json")
RETRY_SOON = 1


class Problem(NamedTuple):
    """A response to be sent."""

    status: int
    body: bytes
    headers: Headers


class Fault(Exception):
    """What goes wrong between HTTP and the application: `slug` names the problem, `facts` become members."""

    def __init__(self, status: int, slug: str, detail: str, *, headers: Headers = (), **facts: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.headers = headers
        self.facts = facts


class Rule(NamedTuple):
    """How errors of a class appear: status, the facts that are shown, seconds for Retry-After, and whether the
    error's own text may be seen by clients; if not, `instead` follows the title."""

    error: type[errors.HeadwaterError]
    status: int
    slug: str
    facts: tuple[str, ...] = ()
    retry_after: int | None = None
    shown: bool = True
    instead: str = "nothing of this request was kept"


AGAIN = "sent again with the same Idempotency-Key, or the same ids of events, it counts once"

# The first rule whose class fits holds, so a subclass stands before its base.
RULES: tuple[Rule, ...] = (
    Rule(errors.MalformedData, 400, "malformed-data", ("what", "why")),
    Rule(errors.InvalidName, 400, "invalid-name", ("what", "name", "rule")),
    Rule(errors.UnknownType, 404, "unknown-type", ("what", "name", "known")),
    Rule(errors.EventTooLarge, 413, "event-too-large", ("type", "size", "limit")),
    Rule(errors.RecordTooLarge, 413, "record-too-large", ("topic", "size", "limit")),
    # Which store or broker it is that cannot is not for clients to see.
    Rule(errors.Unsupported, 501, "unsupported", shown=False, instead="what this runs on cannot do it"),
    Rule(errors.SubjectForgotten, 410, "subject-forgotten", ("subject",)),
    Rule(errors.BadInput, 400, "bad-input"),
    Rule(errors.Rejected, 422, "rejected", ("code", "reason", "facts")),
    Rule(errors.WrongExpectedVersion, 409, "wrong-expected-version", ("stream", "expected", "actual")),
    Rule(errors.ConditionFailed, 409, "condition-failed", ("position", "after")),
    # 422 and not 409, as the draft of the Idempotency-Key header asks: repeating it cannot succeed.
    Rule(errors.IdReused, 422, "id-reused", ("id",)),
    Rule(errors.Conflict, 409, "conflict"),
    # The position is real and will be reached: the request was right, only early.
    Rule(errors.NotYetVisible, 503, "not-yet-visible", ("view", "position", "reached"), RETRY_SOON),
    Rule(errors.ViewStopped, 503, "view-stopped", ("view", "position"), shown=False),
    Rule(errors.Overloaded, 503, "overloaded", ("what", "bound", "retry_after"), RETRY_SOON),
    Rule(errors.CircuitOpen, 503, "circuit-open", ("retry_after",), RETRY_SOON, shown=False),
    Rule(errors.TimedOut, 503, "timed-out", ("what", "seconds"), RETRY_SOON),
    Rule(errors.Fenced, 503, "fenced", (), RETRY_SOON, shown=False),
    # A store's error names files of this machine: clients learn which it is, the log learns the rest.
    Rule(errors.StoreFull, 507, "store-full", shown=False),
    Rule(errors.StoreLocked, 503, "store-locked", (), RETRY_SOON, shown=False),
    Rule(errors.StoreReadOnly, 503, "store-read-only", shown=False),
    Rule(errors.StoreClosed, 503, "store-closed", (), RETRY_SOON, shown=False),
    Rule(
        errors.AcknowledgementLost,
        503,
        "acknowledgement-lost",
        (),
        RETRY_SOON,
        shown=False,
        instead=f"whether this request was recorded is not known; {AGAIN}",
    ),
    Rule(errors.StoreUnavailable, 503, "store-unavailable", (), RETRY_SOON, shown=False, instead=AGAIN),
    Rule(errors.StoreError, 503, "store-failed", shown=False),
)

_encode = msgspec.json.Encoder(enc_hook=repr).encode


def problem_of(error: Exception) -> Problem:
    """The response that an error becomes. What no rule names is a 500 that says nothing, and a line in the log."""
    if isinstance(error, Fault):
        return problem(error.status, error.slug, error.detail, headers=error.headers, **error.facts)
    rule = None if _is_ours(error) else next((rule for rule in RULES if isinstance(error, rule.error)), None)
    if rule is None:
        log.error("a request failed", exc_info=error)
        return problem(500, "internal", "Something went wrong here; it has been logged.")
    if not rule.shown:
        log.error("a request failed: %s", error)
    return _by_rule(error, rule)


def _is_ours(error: Exception) -> bool:
    """A recorded event that does not decode is no mistake of the client who happened to ask for its stream."""
    return isinstance(error, errors.UnknownType | errors.MalformedData) and error.what.startswith("event ")


def _by_rule(error: Exception, rule: Rule) -> Problem:
    detail = str(error) if rule.shown else f"{_title(rule.slug)}; {rule.instead}."
    facts = {name: getattr(error, name) for name in rule.facts}
    seconds = rule.retry_after
    if isinstance(error, errors.Overloaded | errors.CircuitOpen):
        seconds = max(1, math.ceil(error.retry_after))
    headers = [(b"retry-after", b"%d" % seconds)] if seconds is not None else []
    return problem(rule.status, rule.slug, detail, headers=headers, **facts)


def problem(status: int, slug: str, detail: str, *, headers: Headers = (), **facts: Any) -> Problem:
    """Problem details as a response."""
    members = {"type": TYPE + slug, "title": _title(slug), "status": status, "detail": detail, **_apart(facts)}
    return Problem(status, _encode(members), [CONTENT_TYPE, *headers])


def for_status(status: int, detail: str, headers: Headers = ()) -> Problem:
    """Problem details for a plain HTTP status, such as 404 for a path that leads nowhere."""
    slug = HTTPStatus(status).phrase.lower().replace(" ", "-").replace("'", "")
    return problem(status, slug, detail, headers=headers)


def _apart(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts under names of their own: `type` and `status` are taken."""
    return {f"event_{name}" if name in ("type", "title", "status", "detail") else name: facts[name] for name in facts}


def _title(slug: str) -> str:
    return slug.replace("-", " ").capitalize()

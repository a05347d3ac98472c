"""POST /topics/{topic}: records for a topic, answered once the broker has them for good."""

import math
from collections.abc import Sequence
from functools import partial

import msgspec
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.errors import BadInput, MalformedData, Overloaded, RecordTooLarge
from headwater.fold import Topic
from headwater.http.arriving import PLAIN_TEXT, Arrived, Arriving, Given
from headwater.http.commands import MAX_CHARS, checked, key_of, trace_of
from headwater.http.deadlines import Deadlines
from headwater.http.limits import Limits
from headwater.http.params import Params, malformed
from headwater.http.problems import Fault
from headwater.http.wire import JSON, JSON_BATCH, in_time, read_body, respond
from headwater.keys.fetching import with_keys
from headwater.messages import NewRecord
from headwater.streaming.port import MAX_BATCH, check_records
from headwater.streaming.producer import Producer
from headwater.streaming.records import Confirmed

STRUCTURED, LINES, PLAIN = b"application/cloudevents+json", b"application/x-ndjson", b"application/json"
BINARY = b"binary"
ACCEPTED = (STRUCTURED, JSON_BATCH, LINES, PLAIN)


class Published(msgspec.Struct, frozen=True, gc=False):
    """Where a record lies. `repeated`: its id came before, and that record stands for it."""

    partition: int
    offset: int
    repeated: bool


class Kept(msgspec.Struct, frozen=True, gc=False):
    """The answer to a publish: its records in the order in which they came."""

    records: list[Published]


class Ingest:
    """Publishes what is posted: all of it, or nothing.

    An event's source and id make the record's id. `?key=`, `?id=` (before it, `Idempotency-Key`) and `?type=` are for
    what does not say it itself: an event without a key, and plain JSON. Who asks is whom the header `actor_header`
    names, whatever an event says. Topics that are relayed from the store take nothing from outside: what is on them
    was recorded.
    """

    def __init__(self, runtime: Runtime, limits: Limits, actor_header: str = "") -> None:
        self._runtime = runtime
        self._read = Arriving(runtime.app.events)
        self._encode = msgspec.json.Encoder().encode
        self._max_body = limits.max_body_bytes
        self._body_time, self._time = Deadlines(limits.body_timeout), Deadlines(limits.request_timeout)
        self._actor = actor_header.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        producer = self._runtime.producer(scope["path_params"]["topic"])
        _check_open(producer.topic)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        form, params = form_of(headers), Params(scope)
        given = self._given(params, headers)
        id, type = _id(params, headers), _filled(params, "type")
        params.done()
        body = await read_body(headers, receive, self._max_body, self._body_time)
        arrived = await with_keys(partial(self._arrived, form, headers, body, given, id, type))
        done = await in_time(_publish(producer, arrived), self._time) if arrived else []
        await respond(send, 200, self._encode(Kept([Published(*each) for each in done])), JSON)

    def _given(self, params: Params, headers: dict[bytes, bytes]) -> Given:
        correlation, trace = headers.get(b"x-correlation-id"), headers.get(b"traceparent")
        actor = headers.get(self._actor)
        attributes = {}
        if correlation is not None:
            attributes["correlationid"] = checked("X-Correlation-ID", correlation)
        if trace is not None and (text := trace_of(trace)):
            attributes["traceparent"] = text
        who = "" if actor is None else checked(self._actor.decode(), actor)
        return Given(_filled(params, "key") or None, attributes, who)

    def _arrived(
        self, form: bytes, headers: dict[bytes, bytes], body: bytes, given: Given, id: str, type: str
    ) -> Sequence[Arrived]:
        if form == STRUCTURED:
            return [self._read.structured(body, given)]
        if form == JSON_BATCH:
            return self._read.batch(body, given)
        if form == LINES:
            return self._read.lines(body, given)
        return [self._read.binary(headers, body, given) if form == BINARY else self._read.plain(body, id, type, given)]


def form_of(headers: dict[bytes, bytes]) -> bytes:
    """In which form events come. Raises a 415 fault."""
    media_type = headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    if media_type in (STRUCTURED, JSON_BATCH):
        return media_type
    if not media_type.startswith(b"application/cloudevents"):
        if any(name.startswith(b"ce-") for name in headers):
            return BINARY
        if media_type in ACCEPTED:
            return media_type
    accepted = [each.decode() for each in ACCEPTED]
    detail = f"Send {', '.join(accepted)}, or anything with the attributes of a CloudEvent in ce- headers."
    raise Fault(415, "unsupported-media-type", detail, accepted=accepted,
                headers=[(b"accept-post", b", ".join(ACCEPTED))])  # fmt: skip


def takes(topic: Topic) -> bool:
    """Whether a topic takes records from outside."""
    return not topic.events


def methods(topic: Topic) -> bytes:
    """What may be asked of a topic, for the header `Allow`."""
    return b"GET, HEAD, POST" if takes(topic) else b"GET, HEAD"


def _check_open(topic: Topic) -> None:
    if not takes(topic):
        detail = f"Topic {topic.name!r} tells what the store has recorded, and takes nothing from outside."
        raise Fault(405, "relayed-topic", detail, topic=topic.name, headers=[(b"allow", methods(topic))])


def _id(params: Params, headers: dict[bytes, bytes]) -> str:
    """What the header says goes before the parameter."""
    id, key = _filled(params, "id"), headers.get(b"idempotency-key")
    return id if key is None else key_of(key)


def _filled(params: Params, name: str) -> str:
    """A parameter that has content where it is there; empty where it is not."""
    text = params.one(name)
    if text is None:
        return ""
    if not 0 < len(text) <= MAX_CHARS or not PLAIN_TEXT.match(text):
        raise malformed(name, f"expected 1 to {MAX_CHARS} characters, no control characters among them")
    return text


async def _publish(producer: Producer, arrived: Sequence[Arrived]) -> list[Confirmed]:
    records = [each.record for each in arrived]
    _check_number(producer.topic, len(records))
    try:
        return await producer.publish(*records)
    except Overloaded as error:
        wait = max(1, math.ceil(error.retry_after))
        raise Fault(429, "overloaded", str(error), headers=[(b"retry-after", b"%d" % wait)],
                    what=error.what, bound=error.bound, retry_after=error.retry_after) from error  # fmt: skip
    except BadInput:
        for what, record in arrived:
            _check_record(producer.topic, what, record)
        raise


def most(topic: Topic) -> int:
    """How many records a topic takes at once."""
    return MAX_BATCH if topic.backlog is None else min(MAX_BATCH, topic.backlog)


def _check_number(topic: Topic, number: int) -> None:
    """What can never succeed is not told to come again."""
    limit = most(topic)
    if number > limit:
        detail = f"{number} records at once are too many for topic {topic.name!r}; the limit is {limit}."
        raise Fault(413, "too-many-records", detail, topic=topic.name, count=number, limit=limit)


def _check_record(topic: Topic, what: str, record: NewRecord) -> None:
    """Raises what is wrong with a record, with what it is called."""
    try:
        check_records(topic, [record])
    except RecordTooLarge as error:
        detail = f"{what}: {error}"
        raise Fault(413, "record-too-large", detail, what=what, topic=error.topic, size=error.size,
                    limit=error.limit) from error  # fmt: skip
    except BadInput as error:
        raise MalformedData(what, str(error)) from error

"""Recorded events in the JSON format of CloudEvents 1.0.2."""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from headwater.messages import Envelope

JSON_BATCH = b"application/cloudevents-batch+json"


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An event as others see it. Below `data` are extension attributes.

    `position` is a string, as integers of CloudEvents end at 2^31. `tags` is a JSON array in a string, as attributes
    are scalars.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    data: msgspec.Raw
    position: str
    streamversion: int
    typeversion: int
    partitionkey: str
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    actor: str = ""
    tags: str = ""


def source_of(app: str) -> str:
    """The `source` of an application's events."""
    return f"urn:headwater:app:{app}"


def encoder(app: str) -> Callable[[Envelope], bytes]:
    """A function from a recorded event to its CloudEvent as JSON, in one line."""
    encode, source = msgspec.json.Encoder().encode, source_of(app)

    def encoded(envelope: Envelope) -> bytes:
        return encode(_event(envelope, source))

    return encoded


def encoded_list(encode: Callable[[Envelope], bytes], envelopes: Iterable[Envelope]) -> bytes:
    """A JSON array of CloudEvents."""
    return b"[" + b",".join(map(encode, envelopes)) + b"]"


def _event(envelope: Envelope, source: str) -> CloudEvent:
    about = envelope.metadata
    return CloudEvent(
        "1.0", envelope.id, source, envelope.type, envelope.stream, envelope.recorded_at, "application/json",
        msgspec.Raw(_one_line(envelope.data)), str(envelope.position), envelope.stream_version, envelope.type_version,
        envelope.stream, about.correlation_id, about.causation_id, about.traceparent, about.actor,
        msgspec.json.encode(envelope.tags).decode() if envelope.tags else "",
    )  # fmt: skip


def _one_line(data: bytes) -> bytes:
    """JSON may be spread over lines by whoever wrote it; between its tokens a line break is but a space."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in data or b"\r" in data else data

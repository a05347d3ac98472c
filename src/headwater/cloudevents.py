"""Recorded events in the JSON format of CloudEvents 1.0.2, one to a line, and back without loss."""

from datetime import datetime

import msgspec

from headwater.clock import to_micros
from headwater.errors import MalformedData
from headwater.messages import Envelope, Metadata

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An event as others see it. What follows `datacontenttype` are extension attributes, and the data; data that is
    not JSON goes as Base64.

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
    position: str
    streamversion: int
    typeversion: int
    partitionkey: str
    correlationid: str = ""
    causationid: str = ""
    traceparent: str = ""
    actor: str = ""
    tags: str = ""
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: bytes = b""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CloudEvent).decode
_decode_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_read_json = msgspec.json.Decoder(msgspec.Raw).decode


def is_json(data: bytes) -> bool:
    """Whether data is a JSON document in UTF-8."""
    try:
        data.decode()
        _read_json(data)
    except NOT_JSON:
        return False
    return True


def to_json(event: Envelope, source: str, *, sound: bool = True) -> bytes:
    """A recorded event as a CloudEvent, in one line without its end. `sound`: its data is JSON."""
    about = event.metadata
    return _encode(
        CloudEvent(
            "1.0", event.id, source, event.type, event.stream, event.recorded_at, "application/json",
            str(event.position), event.stream_version, event.type_version, event.stream,
            about.correlation_id, about.causation_id, about.traceparent, about.actor,
            _encode(event.tags).decode() if event.tags else "",
            msgspec.Raw(_one_line(event.data)) if sound else msgspec.UNSET, b"" if sound else event.data,
        )
    )  # fmt: skip


def _one_line(data: bytes) -> bytes:
    """In JSON a line break stands between tokens only, where it is but a space."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in data or b"\r" in data else data


def from_json(text: bytes, what: str) -> Envelope:
    """The recorded event of a CloudEvent that `to_json` made. Raises MalformedData, which calls it `what`."""
    try:
        event = _decode(text)
        position, tags = int(event.position), _decode_tags(event.tags) if event.tags else ()
    except (*NOT_JSON, ValueError) as error:
        raise MalformedData(what, str(error)) from error
    if event.time.tzinfo is None:
        raise MalformedData(what, "its time has no offset from UTC")
    if event.streamversion < 1 or event.typeversion < 1:
        raise MalformedData(what, "versions count from 1")
    data = event.data_base64 if isinstance(event.data, msgspec.UnsetType) else bytes(event.data)
    about = Metadata(event.correlationid, event.causationid, event.traceparent, event.actor)
    return Envelope(
        position, event.subject, event.streamversion, event.id, event.type, event.typeversion, data,
        to_micros(event.time), tags, about,
    )  # fmt: skip

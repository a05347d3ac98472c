"""A store's events as lines of text, one CloudEvent (1.0, JSON) a line, and back without loss."""

from datetime import datetime

import msgspec

from headwater.clock import to_micros
from headwater.errors import MalformedData
from headwater.messages import Envelope, Metadata

SOURCE = "urn:headwater:store"


class Line(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A recorded event as a CloudEvent. The attributes after `datacontenttype` are extensions, as over HTTP; data that
    is not JSON goes as Base64."""

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
_decode = msgspec.json.Decoder(Line).decode
_decode_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_check_json = msgspec.json.Decoder(msgspec.Raw).decode
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def is_json(data: bytes) -> bool:
    """Whether data is a JSON document."""
    try:
        data.decode()
        _check_json(data)
    except _NOT_JSON:
        return False
    return True


def to_line(event: Envelope) -> bytes:
    """A recorded event as one line, without its end."""
    about, sound = event.metadata, is_json(event.data)
    return _encode(
        Line(
            "1.0", event.id, SOURCE, event.type, event.stream, event.recorded_at, "application/json",
            str(event.position), event.stream_version, event.type_version, event.stream,
            about.correlation_id, about.causation_id, about.traceparent, about.actor,
            _encode(event.tags).decode() if event.tags else "",
            msgspec.Raw(_one_line(event.data)) if sound else msgspec.UNSET, b"" if sound else event.data,
        )
    )  # fmt: skip


def _one_line(data: bytes) -> bytes:
    """In JSON a line break stands between tokens only, where it is but a space."""
    return data.replace(b"\n", b" ").replace(b"\r", b" ")


def from_line(line: bytes, number: int) -> Envelope:
    """The event of a line. Raises MalformedData, which names the line's number."""
    try:
        event = _decode(line)
        position, tags = int(event.position), _decode_tags(event.tags) if event.tags else ()
    except (*_NOT_JSON, ValueError) as error:
        raise MalformedData(f"event in line {number}", str(error)) from error
    if event.time.tzinfo is None:
        raise MalformedData(f"event in line {number}", "its time has no offset from UTC")
    if event.streamversion < 1 or event.typeversion < 1:
        raise MalformedData(f"event in line {number}", "versions count from 1")
    data = event.data_base64 if isinstance(event.data, msgspec.UnsetType) else bytes(event.data)
    about = Metadata(event.correlationid, event.causationid, event.traceparent, event.actor)
    return Envelope(
        position, event.subject, event.streamversion, event.id, event.type, event.typeversion, data,
        to_micros(event.time), tags, about,
    )  # fmt: skip

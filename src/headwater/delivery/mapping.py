"""Recorded events as records of a topic, and back: CloudEvents 1.0.2 in binary form, attributes in `ce-` headers."""

from collections.abc import Mapping
from datetime import datetime

from headwater.clock import to_datetime, to_micros
from headwater.errors import MalformedData, UnknownType
from headwater.messages import Envelope, Kind, Metadata, NewEvent, NewRecord, Record, new_id

JSON = "application/json"
MAX_VERSION_DIGITS = 9


def to_record(event: Envelope, source: str) -> NewRecord:
    """A recorded event as a record: its stream is the key, its id the id, its data the value."""
    headers = _headers(event.id, event.type, event.type_version, event.time, event.metadata, source)
    headers["ce-subject"] = event.stream
    headers["ce-streamversion"] = str(event.stream_version)
    headers["ce-position"] = str(event.position)
    return NewRecord(event.data, event.stream, event.id, headers, event.time)


def event_record(event: NewEvent, key: str | None, source: str, now: int, *, id: str = "", time: int = 0) -> NewRecord:
    """An encoded event that is published without being recorded. `now` and `time` (when it happened; without one,
    now) are in microseconds since 1970; without an `id` it gets one."""
    id = id or event.id or new_id(now)
    headers = _headers(id, event.type, event.type_version, time or now, event.metadata, source)
    return NewRecord(event.data, key, id, headers, time or now)


def _headers(id: str, type: str, version: int, time: int, about: Metadata, source: str) -> dict[str, str]:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": id,
        "ce-source": source,
        "ce-type": type,
        "ce-time": to_datetime(time).isoformat(),
        "ce-typeversion": str(version),
        "content-type": JSON,
    }
    if about.correlation_id:
        headers["ce-correlationid"] = about.correlation_id
    if about.causation_id:
        headers["ce-causationid"] = about.causation_id
    if about.traceparent:
        headers["ce-traceparent"] = about.traceparent
    if about.actor:
        headers["ce-actor"] = about.actor
    return headers


def kind_of_record(headers: Mapping[str, str]) -> Kind:
    """What a record says that it is. Raises UnknownType where it says nothing, MalformedData."""
    type = headers.get("ce-type")
    if not type:
        raise UnknownType("type of a record without the header 'ce-type'", "")
    version = headers.get("ce-typeversion", "1")
    if not version.isascii() or not version.isdigit() or len(version) > MAX_VERSION_DIGITS:
        raise MalformedData("header 'ce-typeversion'", f"{version!r} is not a number")
    return Kind(type, int(version))


def metadata_of(record: Record) -> Metadata:
    """Where what follows from a record comes from: the record caused it, in the record's conversation."""
    headers = record.headers
    id = headers.get("ce-id") or record.identity
    return Metadata(
        headers.get("ce-correlationid") or id, id, headers.get("ce-traceparent", ""), headers.get("ce-actor", "")
    )


def time_of(record: Record) -> int:
    """When it happened (microseconds since 1970): as the event says, or else as the record does."""
    text = record.headers.get("ce-time", "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return record.time
    return to_micros(moment) if moment.tzinfo else record.time

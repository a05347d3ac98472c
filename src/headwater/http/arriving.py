"""What arrives for a topic, as records: CloudEvents 1.0.2 in structured, batched or binary form, or plain JSON."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

import msgspec

from headwater.cloudevents import NOT_JSON, is_json
from headwater.codec import EventCatalog
from headwater.delivery.mapping import JSON, MAX_VERSION_DIGITS
from headwater.errors import InvalidName, MalformedData
from headwater.http.commands import TRACEPARENT
from headwater.messages import Kind, NewRecord
from headwater.sealing import MARK
from headwater.streaming.port import check_id

MAX_INTEGER = 2**31 - 1
"""The largest integer that CloudEvents know."""
NAME = "^[a-z0-9]+$"
SOURCE = r"^[!#-;=?-\[\]_a-z~]+$"
"""The characters that a reference to a URI may have."""
TEXT = r"^[^\u0000-\u001f\u007f-\u009f]*$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
VERSION = f"^[1-9][0-9]{{0,{MAX_VERSION_DIGITS - 1}}}$"

REQUIRED = ("specversion", "id", "source", "type")
STRINGS = frozenset((*REQUIRED, "subject", "time", "datacontenttype", "dataschema", "partitionkey"))
_FILLED = ("subject", "partitionkey", "dataschema", "datacontenttype")  # there with content, or not there
_NOT_JSON = (*NOT_JSON, ValueError)  # numbers of thousands of digits
_ATTRIBUTE, _SOURCE, PLAIN_TEXT, _TIME, _VERSION = (
    re.compile(f"{pattern[:-1]}\\Z") for pattern in (NAME, SOURCE, TEXT, TIME, VERSION)
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_events = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_scalar = msgspec.json.Decoder(str | int | float | bool | None).decode
_string = msgspec.json.Decoder(str).decode
_base64 = msgspec.json.Decoder(bytes).decode


class Given(NamedTuple):
    """What a request says of all its events: the key of those that have none, attributes of those that lack them, and
    who asks (`actor`), which no event can say itself."""

    key: str | None = None
    attributes: Mapping[str, str] = {}
    actor: str = ""


class Arrived(NamedTuple):
    """A record to be published, and what it is called in errors."""

    what: str
    record: NewRecord


class Arriving:
    """Makes records of what arrives. Everything raises MalformedData, which says where, and of which attribute.

    Data of a type in `catalog` must be of its shape; of types that nobody here declares it may be anything. Personal
    fields are sealed, which raises KeysNeeded and SubjectForgotten.
    """

    def __init__(self, catalog: EventCatalog) -> None:
        self._catalog = catalog

    def structured(self, text: bytes, given: Given, what: str = "CloudEvent") -> Arrived:
        """A CloudEvent in JSON."""
        try:
            text.decode()
            members = _members(text)
        except _NOT_JSON as error:
            raise MalformedData(what, str(error)) from error
        return self._event(members, given, what)

    def _event(self, members: dict[str, msgspec.Raw], given: Given, what: str) -> Arrived:
        data, encoded = members.pop("data", None), members.pop("data_base64", None)
        event = {name: value for name, raw in members.items() if (value := _attribute(name, raw, what)) is not None}
        _check(event, what)
        content_type = event.pop("datacontenttype", "" if data is None else JSON)
        return self._arrived(event, _value(data, encoded, content_type, what), content_type, given, what)

    def batch(self, body: bytes, given: Given) -> list[Arrived]:
        """An array of CloudEvents in JSON."""
        try:
            body.decode()
            events = _events(body)
        except _NOT_JSON as error:
            raise MalformedData("batch of CloudEvents", str(error)) from error
        return [self._event(members, given, f"CloudEvent at index {n}") for n, members in enumerate(events)]

    def lines(self, body: bytes, given: Given) -> list[Arrived]:
        """A CloudEvent in JSON on each line. Empty lines count, and mean nothing."""
        lines = enumerate(body.split(b"\n"), 1)
        return [self.structured(line, given, f"CloudEvent on line {n}") for n, line in lines if line.strip()]

    def binary(self, headers: Mapping[bytes, bytes], body: bytes, given: Given) -> Arrived:
        """A CloudEvent whose attributes are headers; the body is its data."""
        what = "CloudEvent"
        event = {
            name[3:].decode("latin-1"): _decoded(value, name.decode("latin-1"), what)
            for name, value in headers.items()
            if name.startswith(b"ce-")
        }
        if wrong := event.keys() & {"data", "datacontenttype"}:
            _refuse(what, min(wrong), "it is not said in a header of its own")
        _check(event, what)
        return self._arrived(event, body, headers.get(b"content-type", b"").decode("latin-1"), given, what)

    def plain(self, body: bytes, id: str, type: str, given: Given) -> Arrived:
        """A value in JSON, whatever it is. Without an `id` nobody knows when it comes again."""
        what = "body"
        if not is_json(body):
            raise MalformedData(what, "it is not JSON")
        event = {"type": type} if type else {}
        return self._arrived(event, body, JSON, given, what, id)

    def _arrived(
        self, event: dict[str, str], value: bytes, content_type: str, given: Given, what: str, id: str = ""
    ) -> Arrived:
        if type := event.get("type"):
            value = self._checked(Kind(type, int(event.get("typeversion", 1))), value, what)
        key = event.get("partitionkey", event.get("subject", given.key))
        headers = {f"ce-{name}": text for name, text in {**given.attributes, **event}.items() if name != "actor"}
        if given.actor:
            headers["ce-actor"] = given.actor
        if content_type:
            headers["content-type"] = content_type
        return Arrived(what, NewRecord(value, key, identity(event.get("source", ""), event.get("id", id)), headers))

    def _checked(self, kind: Kind, data: bytes, what: str) -> bytes:
        """Data as it is published: as it came, with personal fields sealed."""
        if kind not in self._catalog:
            return data
        if MARK in data:
            raise MalformedData(what, f"its data is sealed already: {kind.type!r} is taken as it is")
        try:
            events = self._catalog.decode_data(kind, data)
        except (MalformedData, *_NOT_JSON) as error:
            why = error.why if isinstance(error, MalformedData) else str(error)
            raise MalformedData(what, f"its data is no {kind.type!r} version {kind.version}: {why}") from error
        if not self._catalog.protection.concerns([event.__class__ for event in events]):
            return data
        if kind not in self._catalog.types:
            raise MalformedData(what, f"{kind.type!r} has personal fields, and is taken in its last version only")
        return self._catalog.encode(events[0]).data


def identity(source: str, id: str) -> str:
    """The id of the record of an event: the same for the same event only, whatever its source calls it. Empty where
    there is no `id`."""
    if not id:
        return ""
    name = f"{source}|{id}" if source else id  # there is no | in a source
    try:
        check_id(name)
    except InvalidName:
        return f"sha256-{hashlib.sha256(name.encode()).hexdigest()}"
    return name


def _attribute(name: str, raw: msgspec.Raw, what: str) -> str | None:
    """An attribute as text; None for null, which means that it is not there. To JSON, 1.0 is a whole number."""
    try:
        value = _scalar(raw)
    except _NOT_JSON as error:
        raise _malformed(what, name, str(error)) from error
    if value is None or isinstance(value, str):
        return value
    if name in STRINGS:
        _refuse(what, name, "expected a string")
    if isinstance(value, bool):
        return "true" if value else "false"
    if value != value // 1 or not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
        _refuse(what, name, "expected a text, a boolean or a whole number of 32 bits")
    return str(int(value))


def _decoded(value: bytes, name: str, what: str) -> str:
    """The text of a header: without quotes around it, and what is percent-encoded decoded."""
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        value = re.sub(rb"\\(.)", rb"\1", value[1:-1])
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        raise MalformedData(what, f"header {name!r}: {error}") from error


def _value(data: msgspec.Raw | None, encoded: msgspec.Raw | None, content_type: str, what: str) -> bytes:
    """The data itself. What is not JSON stands in a string, or in Base64."""
    if data is not None and encoded is not None:
        _refuse(what, "data_base64", "there is data as well")
    name = "data" if encoded is None else "data_base64"
    try:
        if encoded is not None:
            return _base64(encoded)
        if data is None:
            return b""
        return bytes(data) if _is_json(content_type) else _string(data).encode()
    except _NOT_JSON as error:
        raise _malformed(what, name, str(error)) from error


def _is_json(content_type: str) -> bool:
    media_type = content_type.split(";", 1)[0].strip().lower()
    return media_type.endswith(("/json", "+json"))


def _check(event: dict[str, str], what: str) -> None:
    """Raises MalformedData unless these are the attributes of a CloudEvent. A malformed trace is left out."""
    for name in REQUIRED:
        if not event.get(name):
            _refuse(what, name, "it is missing" if name not in event else "it is empty")
    if event["specversion"] != "1.0":
        _refuse(what, "specversion", "only 1.0 is spoken here")
    if not PLAIN_TEXT.match("".join(event.values())):  # one look at all of them is much faster
        _refuse(what, next(name for name, text in event.items() if not PLAIN_TEXT.match(text)), "a control character")
    for name, text in event.items():
        if name not in STRINGS and not _ATTRIBUTE.match(name):
            _refuse(what, name, "names are of lower-case letters and digits")
        if not text and name in _FILLED:
            _refuse(what, name, "it is empty")
    if not _SOURCE.match(event["source"]):
        _refuse(what, "source", "expected a URI, or a reference to one")
    if not _VERSION.match(event.get("typeversion", "1")):
        _refuse(what, "typeversion", f"expected a whole number from 1, of {MAX_VERSION_DIGITS} digits at most")
    if "time" in event:
        event["time"] = _time(event["time"], what)
    if not TRACEPARENT.match(event.get("traceparent", "")):
        event.pop("traceparent", None)


def _time(text: str, what: str) -> str:
    if not _TIME.match(text):
        _refuse(what, "time", "expected a time as RFC 3339 has it, with its offset from UTC")
    text = text.upper()
    try:
        datetime.fromisoformat(text).astimezone(UTC)  # there, too, it must be a year of four digits
    except (ValueError, OverflowError) as error:
        raise _malformed(what, "time", str(error)) from error
    return text


def _malformed(what: str, attribute: str, why: str) -> MalformedData:
    return MalformedData(what, f"attribute {attribute[:80]!r}: {why}")


def _refuse(what: str, attribute: str, why: str) -> NoReturn:
    raise _malformed(what, attribute, why)

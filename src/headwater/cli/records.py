"""Records as lines of JSON, which `stream tail` prints and `stream publish` reads, and as lines for people."""

import base64
from typing import Any, NamedTuple

import msgspec

from headwater.cli.output import print_line
from headwater.clock import to_datetime
from headwater.cloudevents import NOT_JSON, is_json
from headwater.messages import Record

SHOWN = 120  # characters of a value


class JsonLine(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A record as a line of JSON. A value that is no JSON stands in `value_base64`. What the broker decides (time and
    place) is told, and not read again."""

    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    value_base64: bytes | msgspec.UnsetType = msgspec.UNSET
    key: str | None = None
    id: str = ""
    headers: dict[str, str] = {}
    time: str = ""
    topic: str = ""
    partition: int = 0
    offset: int = 0


class Read(NamedTuple):
    """What a line says of a record."""

    value: bytes
    key: str | None
    id: str
    headers: dict[str, str]


_decode = msgspec.json.Decoder(JsonLine).decode


def read_json(line: bytes) -> Read:
    """What a line of JSON says. Raises ValueError."""
    try:
        line.decode()
        found = _decode(line)
    except NOT_JSON as error:
        raise ValueError(str(error)) from error
    if isinstance(found.value, msgspec.UnsetType) == isinstance(found.value_base64, msgspec.UnsetType):
        raise ValueError("give either a value or a value_base64")
    value = found.value if isinstance(found.value_base64, msgspec.UnsetType) else found.value_base64
    assert not isinstance(value, msgspec.UnsetType)
    return Read(bytes(value), found.key, found.id, found.headers)


def value_in_json(value: bytes) -> dict[str, Any]:
    """A value as a member of a JSON object: as it is, or in Base64 where it is no JSON. On one line."""
    if not is_json(value):
        return {"value_base64": base64.b64encode(value).decode()}
    if b"\n" in value or b"\r" in value:  # in JSON, these stand between tokens only
        value = value.replace(b"\n", b" ").replace(b"\r", b" ")
    return {"value": msgspec.Raw(value)}


def show_record(record: Record, json: bool) -> None:
    """Print a record."""
    print_line(_in_json(record) if json else _for_people(record).encode())


def _in_json(record: Record) -> bytes:
    told: dict[str, Any] = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    told["time"] = to_datetime(record.time).isoformat()
    told["key"] = record.key
    if record.id:
        told["id"] = record.id
    if record.headers:
        told["headers"] = dict(record.headers)
    return msgspec.json.encode({**told, **value_in_json(record.value)})


def _for_people(record: Record) -> str:
    time = to_datetime(record.time).isoformat(timespec="milliseconds")
    where, kind = f"{record.partition}/{record.offset}", record.headers.get("ce-type", "")
    text = printable(record.value.decode(errors="replace"))
    short = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    key = "–" if record.key is None else printable(record.key)
    return "  ".join(part for part in (time, where, key, kind, short) if part)


def printable(text: str) -> str:
    """A text on one line, without what a terminal would obey."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "·" for c in text)

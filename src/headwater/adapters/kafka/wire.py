"""Records as messages of Kafka, and back.

The value is the value, the key the key in UTF-8 (none: none), the time the message's timestamp, in milliseconds, as
finer ones do not fit: times are rounded down. Headers are headers in UTF-8; those of CloudEvents are named as their
Kafka binding says, so 'ce-type' becomes `ce_type`; one that is called 'ce_type' here becomes `headwater.ce_type`. The
id is `ce_id` where that is the same, else `headwater.id`. No header's name here has a dot, so none can clash.

Messages of others can be read, whatever is in them: what is no UTF-8 comes with escapes (\\xff), a missing value as an
empty one, headers under lower-case names, of several with one name the last. Their id is `ce_id` if they have one.
"""

from collections.abc import Iterable, Sequence

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from headwater.errors import InvalidName
from headwater.messages import NO_HEADERS, NewRecord, Record
from headwater.streaming.port import check_id

PLAIN = "headwater."
ID = PLAIN + "id"
THEIRS, OURS = "ce_", "ce-"  # how CloudEvents' attributes begin on Kafka, and here
CE_ID = "ce-id"

Header = tuple[str, str | bytes | None]


def encode_headers(record: NewRecord) -> list[Header]:
    """The headers of a record's message."""
    headers: list[Header] = []
    if record.headers:
        headers = [(_their_name(name), text.encode()) for name, text in record.headers.items()]
    if record.id != record.headers.get(CE_ID, ""):
        headers.append((ID, record.id.encode()))
    return headers


def decode(message: Message) -> Record:
    """The record in a message. It is not an error."""
    id, headers = "", NO_HEADERS
    if found := message.headers():
        id, headers = _decode_headers(_pairs(found.items() if isinstance(found, dict) else found))
    key, (kind, time) = message.key(), message.timestamp()
    return Record(
        message.topic() or "", message.partition() or 0, message.offset() or 0, None if key is None else _text(key),
        message.value() or b"", id, headers, 0 if kind == TIMESTAMP_NOT_AVAILABLE else time * 1000,
    )  # fmt: skip


def _decode_headers(pairs: Sequence[tuple[str, str]]) -> tuple[str, dict[str, str]]:
    found = dict(pairs)
    id = found.pop(ID, None)
    headers = {_our_name(name): text for name, text in found.items()}
    return _valid(headers.get(CE_ID, "")) if id is None else id, headers


def _pairs(headers: Iterable[Header]) -> list[tuple[str, str]]:
    return [(name.lower(), _text(text or b"")) for name, text in headers]


def _text(given: str | bytes) -> str:
    return given if isinstance(given, str) else given.decode("utf-8", "backslashreplace")


def _their_name(name: str) -> str:
    if name.startswith(OURS):
        return THEIRS + name[3:]
    return PLAIN + name if name.startswith(THEIRS) else name


def _our_name(name: str) -> str:
    if name.startswith(THEIRS):
        return OURS + name[3:]
    return name.removeprefix(PLAIN)


def _valid(id: str) -> str:
    """An id of somebody else's, if it can be one here."""
    try:
        check_id(id)
    except InvalidName:
        return ""
    return id

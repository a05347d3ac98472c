"""Records as messages of NATS, and back.

The value is the payload as it is, the id is `Nats-Msg-Id`, what the producer put into headers is in headers of the same
name. Only names with capitals are ours (or the server's), so none can clash. Texts are percent-encoded as CloudEvents'
bindings say: what is not printable ASCII, and the space, '"' and '%'.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, unquote

from nats.aio.msg import Msg

from headwater.clock import to_micros
from headwater.messages import NO_HEADERS, NewRecord, Record

ID = "Nats-Msg-Id"
AFTER_ID = "Nats-Expected-Last-Msg-Id"
AFTER = "Nats-Expected-Last-Subject-Sequence"
BATCH, BATCH_PLACE, BATCH_END = "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit"
TTL = "Nats-TTL"
SEQUENCE, MOMENT = "Nats-Sequence", "Nats-Time-Stamp"
STATUS, DESCRIPTION = "Status", "Description"
KEY, TIME = "Headwater-Key", "Headwater-Time"

_SAFE = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_odd = re.compile(r"[^!#$&-~]").search


def encode_headers(record: NewRecord, id: str) -> dict[str, str]:
    """The headers of a record that is published under that id."""
    headers = {ID: id}
    if record.key is not None:
        headers[KEY] = record.key if not _odd(record.key) else quote(record.key, _SAFE)
    if record.time:
        headers[TIME] = str(record.time)
    if record.headers:
        for name, text in record.headers.items():
            headers[name] = text if not _odd(text) else quote(text, _SAFE)
    return headers


def headers_size(headers: Mapping[str, str]) -> int:
    """How many bytes headers take on the wire, with those that are added to publish several records together."""
    return 600 + sum(len(name) + len(text) + 4 for name, text in headers.items())


def made_up_id(name: str, number: int) -> str:
    """An id for a record that has none: the server is to notice when it is sent twice. No user's id has a space."""
    return f"- {name}.{number}"


def decode(topic: str, partition: int, offset: int, nanoseconds: int, message: Msg) -> Record:
    """The record in a message."""
    found = message.headers
    key, id, time, headers = None, "", nanoseconds // 1000, NO_HEADERS
    if found:
        id, key = found.get(ID, ""), found.get(KEY)
        if id.startswith("- "):
            id = ""
        if key is not None and "%" in key:
            key = unquote(key)
        if (given := found.get(TIME)) and given.isdigit():
            time = int(given)
        headers = {
            name: text if "%" not in text else unquote(text) for name, text in found.items() if name[0] not in _OURS
        }
    return Record(topic, partition, offset, key, message.data, id, headers, time)


_OURS = frozenset("NHSD")
"""What names begin with that are the server's (Nats-…, Status, Description) or ours (Headwater-…)."""


def place_of(reply: str) -> tuple[int, int, int]:
    """What the subject for acknowledging says of a message that a consumer brought: its place in the stream, how
    many-eth it is for the consumer, and when it was stored (nanoseconds since 1970)."""
    parts = reply.split(".")
    first = 5 if len(parts) == 9 else 7  # the longer form names a domain and an account before the stream
    return int(parts[first]), int(parts[first + 1]), int(parts[first + 2])


def nanoseconds_of(moment: str) -> int:
    """Nanoseconds since 1970 of a time as the server writes it: 2026-11-25T23:23:46.29908362Z."""
    whole, _, fraction = moment.rstrip("Z").partition(".")
    seconds = to_micros(datetime.fromisoformat(f"{whole}+00:00")) // 1_000_000
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])

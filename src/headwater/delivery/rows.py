"""Dead letters as rows of a database, and back. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headwater.delivery.port import Attempt, Letter, Wish

COLUMNS = (
    "consumer", "topic", "partition", "place", "id", "key", "value", "headers", "time", "attempts", "rested", "wish",
    "due", "edited",
)  # fmt: skip
"""What `from_row` takes, in this order. `place` is the offset."""

_attempts = msgspec.json.Decoder(tuple[Attempt, ...])
_headers = msgspec.json.Decoder(dict[str, str])


def from_row(row: Sequence[Any]) -> Letter:
    """A letter from its columns. Raises msgspec.DecodeError where they were damaged."""
    consumer, topic, partition, place, id, key, value, headers, time, attempts, rested, wish, due, edited = row
    return Letter(
        consumer, topic, partition, place, id, key, bytes(value), _headers.decode(headers), time,
        _attempts.decode(attempts), rested, Wish(wish), due, bool(edited),
    )  # fmt: skip


def packed_headers(headers: Mapping[str, str]) -> str:
    """Headers as JSON."""
    return msgspec.json.encode(headers).decode()


def packed_attempts(attempts: Sequence[Attempt]) -> str:
    """Attempts as JSON. Their texts are those of errors, in which there may be anything: what no UTF-8 is for is
    replaced."""
    return msgspec.json.encode([_encodable(each) for each in attempts]).decode()


def last_error(letter: Letter) -> tuple[str, str]:
    """Type and text of the last attempt's error."""
    if not letter.attempts:
        return "", ""
    last = _encodable(letter.attempts[-1])
    return last.error, last.message


def _encodable(attempt: Attempt) -> Attempt:
    return msgspec.structs.replace(attempt, error=_text(attempt.error), message=_text(attempt.message))


def _text(text: str) -> str:
    return text.encode(errors="replace").decode()

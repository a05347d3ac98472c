"""Values in PostgreSQL's binary form. Of a thousand values in a list, a driver makes a thousand calls; this one.

The form: dimensions, flags, type; length and first index; then each value behind its size.
"""

import struct
from collections.abc import Sequence

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

BIGINT, TEXT = 20, 25
HEAD = 20  # bytes before the first value
_head = struct.Struct(">iiiii").pack
_size = integer = struct.Struct(">i").pack
bigint = struct.Struct(">q").pack
_NULL = _size(-1)


class Integers(bytes):
    """bigint[]"""


class Texts(bytes):
    """text[], of texts that are encoded"""


def integers(values: Sequence[int]) -> Integers:
    """An array of 64-bit integers."""
    if not values:
        return Integers(struct.pack(">iii", 0, 0, BIGINT))
    count = len(values)
    body = [8] * (2 * count)
    body[1::2] = values
    return Integers(_head(1, 0, BIGINT, count, 1) + struct.pack(f">{'iq' * count}", *body))


def texts(values: Sequence[bytes | None]) -> Texts:
    """An array of texts in UTF-8, and of nothings."""
    if not values:
        return Texts(struct.pack(">iii", 0, 0, TEXT))
    parts = [_head(1, 1, TEXT, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += _size(len(value)), value
    return Texts(b"".join(parts))


def read_integers(packed: bytes | None) -> list[int]:
    """What a bigint[] holds; nothing for NULL."""
    if not packed or len(packed) <= HEAD:
        return []
    values: list[int] = list(struct.unpack(f">{'iq' * ((len(packed) - HEAD) // 12)}", packed[HEAD:]))
    return values[1::2]


def read_texts(packed: bytes | None) -> list[str]:
    """What a text[] holds; nothing for NULL."""
    found, at = [], HEAD
    while packed and at < len(packed):
        (size,) = struct.unpack_from(">i", packed, at)
        at += 4 + size
        found.append(packed[at - size : at].decode())
    return found


class _IntegersDumper(Dumper):
    oid, format = 1016, Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class _TextsDumper(_IntegersDumper):
    oid = 1009


def register(connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
    """Let a connection take these arrays as parameters (`%b`)."""
    connection.adapters.register_dumper(Integers, _IntegersDumper)
    connection.adapters.register_dumper(Texts, _TextsDumper)

"""Arrays in PostgreSQL's binary form. A driver's list of a thousand values costs a call each; this costs one.

The form: dimensions, flags, type; length and first index; then each value behind its size.
"""

import struct
from collections.abc import Sequence

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

BIGINT, TEXT = 20, 25
_head = struct.Struct(">iiiii").pack
_size = struct.Struct(">i").pack


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


def texts(values: Sequence[bytes]) -> Texts:
    """An array of texts in UTF-8."""
    if not values:
        return Texts(struct.pack(">iii", 0, 0, TEXT))
    parts = [_head(1, 0, TEXT, len(values), 1)]
    for value in values:
        parts += _size(len(value)), value
    return Texts(b"".join(parts))


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

"""Records as chunks: those that are written together are packed into one row, column by column.

A row for each record would cost more than the record: chunks are written and read several times faster.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, repeat
from typing import NamedTuple

import msgspec

from headwater.messages import NO_HEADERS, NewRecord, Offset, Record

MAX_RECORDS = 500
MAX_BYTES = 256 * 1024  # of the records of one chunk, if they are several

OFFSET_BITS = 36
LANE_BITS = 8  # of the partition within a lane


class Chunk(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The columns of some records; None for one that says nothing."""

    values: Sequence[bytes]
    keys: Sequence[str | None] | None
    ids: Sequence[str] | None
    headers: Sequence[Mapping[str, str]] | None
    times: Sequence[int] | None


class Packed(NamedTuple):
    """A chunk as it is written: how many records, for how many bytes they count, and they themselves."""

    records: int
    size: int
    data: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Chunk).decode


def lane(topic: int, partition: int) -> int:
    """The number of a partition of a topic."""
    return topic << LANE_BITS | partition


def place(lane: int, offset: Offset) -> int:
    """The number of a record's place."""
    return lane << OFFSET_BITS | offset


def pack(records: Sequence[NewRecord]) -> Packed:
    """Some records as one text."""
    values, keys = [record.value for record in records], [record.key for record in records]
    ids, headers = [record.id for record in records], [record.headers for record in records]
    times = [record.time for record in records]
    chunk = Chunk(
        values,
        keys if any(key is not None for key in keys) else None,
        ids if any(ids) else None,
        headers if any(headers) else None,
        times if any(times) else None,
    )
    return Packed(len(records), sum(map(len, values)) + sum(map(len, filter(None, keys))), _encode(chunk))


def pack_all(records: Sequence[NewRecord]) -> Iterator[Packed]:
    """Records as chunks of a size that is good to read."""
    if len(records) <= MAX_RECORDS:
        packed = pack(records)
        if packed.size <= MAX_BYTES or len(records) == 1:
            yield packed
            return
    left = iter(records)
    while piece := list(_piece(left)):
        yield pack(piece)


def _piece(left: Iterator[NewRecord]) -> Iterator[NewRecord]:
    """Up to as many as go into a chunk: the one that fills it is the last."""
    total = 0
    for record in islice(left, MAX_RECORDS):
        yield record
        total += len(record.value)
        if total >= MAX_BYTES:
            return


def unpack(topic: str, partition: int, offsets: range, time: int, data: bytes) -> list[Record]:
    """The records of a chunk. Raises DecodeError, UnicodeDecodeError, IndexError if there are not just so many."""
    chunk = _decode(data)
    if any(column is not None and len(column) != len(offsets) for column in _columns(chunk)):
        raise IndexError("a chunk does not hold as many records as it was written with")
    return list(
        map(
            Record,
            repeat(topic),
            repeat(partition),
            offsets,
            chunk.keys or repeat(None),
            chunk.values,
            chunk.ids or repeat(""),
            chunk.headers or repeat(NO_HEADERS),
            (each or time for each in chunk.times) if chunk.times else repeat(time),
        )
    )


def _columns(chunk: Chunk) -> Iterator[Sequence[object] | None]:
    return iter((chunk.values, chunk.keys, chunk.ids, chunk.headers, chunk.times))


def size(record: Record) -> int:
    """For how many bytes a record counts."""
    return len(record.value) + len(record.key or "")

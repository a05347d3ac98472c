"""Rows of imported files that could not be read, kept with their reason so that every row is accounted for.

Like rows of invoices they are known by what they say: the same file again adds nothing. They are gathered in buckets,
so that a file of nothing but rubbish costs few commands.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded

BUCKETS: Final = 256

# Events


@event("row.rejected")
class RowRejected:
    """`digest` and `nth` name the row: the nth of this content in a file. `text` is its beginning."""

    digest: str
    nth: int
    file: str
    line: int
    reason: str
    text: str


# State


class Bucket(msgspec.Struct, frozen=True):
    """The rejected rows so far, as (digest, nth)."""

    known: tuple[tuple[str, int], ...] = ()


def evolve(bucket: Bucket, event: RowRejected) -> Bucket:
    return Bucket((*bucket.known, (event.digest, event.nth)))


# Commands


class RejectedRow(msgspec.Struct, frozen=True, gc=False):
    """A row as the importer hands it in. `nth` counts equal rows of this file from 1."""

    digest: str
    nth: int
    line: int
    reason: str
    text: str


@command("row.reject")
class RejectRows:
    """Rows of one bucket from one file."""

    bucket: str
    file: str
    rows: tuple[RejectedRow, ...]


# Decide


def decide(command: RejectRows, bucket: Bucket) -> Sequence[RowRejected]:
    recorded = Counter(digest for digest, _ in bucket.known)
    return tuple(
        RowRejected(row.digest, row.nth, command.file, row.line, row.reason, row.text)
        for row in command.rows
        if row.nth > recorded[row.digest]
    )


def bucket_of(digest: str) -> str:
    """The bucket of a row, from its digest (hexadecimal)."""
    return f"{int(digest[:4], 16) % BUCKETS:03d}"


# Decider

rejections = Decider(
    "rejection", initial=Bucket, decide=bounded(decide), evolve=evolve, stream=lambda command: command.bucket
)

"""A store into a file of events, whole or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from headwater.cli.output import progress
from headwater.cli.pages import pages
from headwater.messages import Position
from headwater.store.archive import to_line
from headwater.store.port import EventStore

STDOUT = Path("-")


async def export(store: EventStore, file: Path, after: Position, salvage: bool) -> tuple[int, Position, list[str]]:
    """Write every event after a position to a file ('-': stdout): how many there were, the last position, and what was
    left out because it cannot be read. Without `salvage` that is an error instead."""
    count, position, lost = 0, after, list[str]()

    def note_loss(at: Position, why: str) -> None:
        lost.append(f"position {at}: {why}")

    with _output(file) as out, progress("exporting", await store.head() - after) as show:
        async for page in pages(store, after, note_loss if salvage else None):
            out.write(b"".join(to_line(event) + b"\n" for event in page.events))
            count, position = count + len(page.events), page.position
            show(position - after)
    return count, position, lost


@contextmanager
def _output(file: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name once it is complete."""
    if file == STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = file.with_name(file.name + ".partial")
    try:
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)

"""The lines of a file or of stdin, as they come: whoever reads from a pipe waits for no more than there is."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from headwater.errors import HeadwaterError

STDIN = "-"
PART = 256 * 1024  # bytes that are read at once


class LineError(HeadwaterError):
    """A line that cannot be used: its number, and why."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number:,}: {why}")
        self.number = number


class Line(NamedTuple):
    """A line with its number, from 1, without its end."""

    number: int
    text: bytes


class Source(NamedTuple):
    """An open file; its `size`, if it is one that ends there."""

    descriptor: int
    size: int | None


@contextmanager
def opened_source(file: str) -> Iterator[Source]:
    """Open a file, or stdin for '-'. Raises OSError."""
    descriptor = os.open(file, os.O_RDONLY) if file != STDIN else os.dup(0)
    try:
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(0, "it is a folder", file)
        yield Source(descriptor, about.st_size if stat.S_ISREG(about.st_mode) else None)
    finally:
        os.close(descriptor)


async def lines_of(source: Source, longest: int) -> AsyncGenerator[list[Line], None]:
    """All lines that are not blank, each list as soon as there are any. Raises LineError for one with more than
    `longest` bytes, OSError."""
    number, rest = 0, b""
    while part := await _part(source.descriptor):
        *whole, rest = (rest + part).split(b"\n")
        yield [Line(at, text.rstrip(b"\r")) for at, text in enumerate(whole, number + 1) if text.strip()]
        number += len(whole)
        if len(rest) > longest:
            raise LineError(number + 1, f"it is longer than {longest:,} bytes")
    if rest.strip():
        yield [Line(number + 1, rest.rstrip(b"\r"))]


async def _part(descriptor: int) -> bytes:
    """What can be read now; it is waited for on the event loop, as a thread that reads cannot be interrupted."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:  # a file on a disk, which is always ready
        return os.read(descriptor, PART)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, PART)

"""Kafka's protocol, as far as it is needed to stand between a client and a broker: frames, and what is in them."""

import asyncio
import struct
from collections.abc import AsyncIterator


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Each request, or answer, without its length. Raises IncompleteReadError at the end."""
    while True:
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        yield await reader.readexactly(size)


def framed(frame: bytes) -> bytes:
    """A request, or an answer, with its length."""
    return struct.pack(">i", len(frame)) + frame


def after_header(frame: bytes, *, tags: bool = False) -> "Reading":
    """What a request says, after who asks what; with tags in newer versions."""
    body = Reading(frame, 8)
    body.text()  # the client's name
    if tags:
        body.varint()  # none
    return body


class Reading:
    """Reads a request, or an answer."""

    def __init__(self, frame: bytes, at: int) -> None:
        self._frame, self.at = frame, at

    def number(self, form: str) -> int:
        found: int = struct.unpack_from(f">{form}", self._frame, self.at)[0]
        self.at += struct.calcsize(f">{form}")
        return found

    def varint(self) -> int:
        found = shift = 0
        while True:
            byte = self.number("B")
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return found

    def text(self) -> str | None:
        size = self.number("h")
        if size < 0:
            return None
        self.at += size
        return self._frame[self.at - size : self.at].decode()

    def compact(self) -> bytes:
        """Bytes, or a text, after a length as newer versions have it. Nothing where there is none."""
        size = max(self.varint() - 1, 0)
        self.at += size
        return self._frame[self.at - size : self.at]


def text(text: str | None) -> bytes:
    if text is None:
        return struct.pack(">h", -1)
    return struct.pack(">h", len(text.encode())) + text.encode()


def several(parts: list[bytes]) -> bytes:
    return struct.pack(">i", len(parts)) + b"".join(parts)

"""A lean HTTP/1.1 client: the laboratory shares the machine with what it measures, so that every request counts."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_IDLE: Final = 64  # connections that are kept for later

AT_ONCE: Final = 8

A = TypeVar("A")
B = TypeVar("B")
_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Answer(NamedTuple):
    """A status (0: none came) and what came with it."""

    status: int
    body: bytes = b""


NONE: Final = Answer(0)


class Client:
    """Asks one server, each request on a connection that is free or a new one. Never repeats a request."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._timeout = timeout
        self._idle: list[_Connection] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """The answer; NONE where the server refuses, breaks off, talks nonsense or is silent for too long."""
        connection: _Connection | None = None
        whole = False
        try:
            async with asyncio.timeout(self._timeout):
                connection = self._free() or await asyncio.open_connection(self._host, self._port)
                reader, writer = connection
                writer.write(self._request(method, path, body))
                answer = await _read(reader)
                whole = True
                return answer
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):  # TimeoutError is an OSError
            return NONE
        finally:
            if connection is not None:
                self._done_with(connection, whole)

    def _free(self) -> _Connection | None:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return None

    def _done_with(self, connection: _Connection, whole: bool) -> None:
        if whole and len(self._idle) < _IDLE:
            self._idle.append(connection)
        else:
            connection[1].transport.abort()

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        if body or method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    def close(self) -> None:
        """Close what is idle. Requests under way end by themselves."""
        for _, writer in self._idle:
            writer.transport.abort()
        self._idle.clear()


async def _read(reader: asyncio.StreamReader) -> Answer:
    """One whole answer. Raises EOFError, ValueError."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    if (length := _LENGTH.search(head)) is not None:
        return Answer(status, await reader.readexactly(int(length[1])))
    if _CHUNKED.search(head) is not None:
        return Answer(status, await _chunks(reader))
    if status in (204, 304):
        return Answer(status)
    raise ValueError("an answer without a length")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


async def each_of(those: Iterable[A], do: Callable[[A], Awaitable[B]]) -> list[B]:
    """What comes of doing that to each, a few at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(that: A) -> B:
        async with gate:
            return await do(that)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(each)) for each in those]
    return [task.result() for task in tasks]

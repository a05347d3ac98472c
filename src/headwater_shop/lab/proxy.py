"""A proxy between two services: counts what goes through, and makes trouble when told to."""

import asyncio
import os
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_REQUEST: Final = re.compile(rb"(?:GET|PUT|POST|DELETE|PATCH|HEAD|OPTIONS) [^\r\n ]+ HTTP/1\.[01]\r\n")
_LINE: Final = 8 * 1024  # a longer request line is not seen
_PIECE: Final = 64 * 1024
_SLOW_PIECES: Final = 20  # a second, where bandwidth is bounded
_CONNECT_WITHIN: Final = 5.0
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Trouble:
    """What is wrong on the way. `latency`: seconds that each piece takes to the callee; `bandwidth`: bytes a second,
    each way; `reset`: every connection is; `down`: nobody listens; `silent`: connections are taken, and nothing comes.
    """

    latency: float = 0.0
    bandwidth: float | None = None
    reset: bool = False
    down: bool = False
    silent: bool = False


NO_TROUBLE: Final = Trouble()


class Link:
    """The way from a caller to a callee, at an address of its own. `requests` and `bytes` are what went through."""

    def __init__(self, caller: str, callee: str, url: str) -> None:
        self.caller = caller
        self.callee = callee
        self.requests = 0
        self.bytes = 0
        self.trouble = NO_TROUBLE
        parts = urlsplit(url)
        self._to = parts.hostname or "127.0.0.1", parts.port or 80
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        """Where the caller finds the callee."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen; at the same port as before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def change(self, trouble: Trouble) -> None:
        """From now on, this is wrong. Connections of before are cut by what is down or resets."""
        self.trouble = trouble
        self._changed.set()
        self._changed = asyncio.Event()
        if trouble.down and self._server is not None:
            self._server.close()
            self._server = None
        if trouble.down or trouble.reset:
            await self._cut()
        if not trouble.down and self._server is None:
            await self.start()

    async def close(self) -> None:
        """Stop listening, and cut what is connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if not self.trouble.reset:
                await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):  # cancelled by _cut, which waits for the end of it
            _reset(writer)
        finally:
            self._open.discard(task)
            _reset(writer) if self.trouble.reset else writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_CONNECT_WITHIN):
            there, back = await asyncio.open_connection(*self._to)
        tasks = [
            asyncio.create_task(self._pump(reader, back, _Requests(self)), name="there"),
            asyncio.create_task(self._pump(there, writer, None), name="back"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            back.transport.abort()
        if any(isinstance(each, OSError) for each in ended):
            _reset(writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: "_Requests | None"
    ) -> None:
        while piece := await reader.read(self._piece()):
            self.bytes += len(piece)
            if requests is not None:
                requests.seen(piece)
            await self._hold(len(piece), there=requests is not None)
            writer.write(piece)
            await writer.drain()

    def _piece(self) -> int:
        bandwidth = self.trouble.bandwidth
        return _PIECE if bandwidth is None else max(1, int(bandwidth / _SLOW_PIECES))

    async def _hold(self, size: int, *, there: bool) -> None:
        while self.trouble.silent:
            await self._changed.wait()
        if there and self.trouble.latency:
            await asyncio.sleep(self.trouble.latency)
        if self.trouble.bandwidth is not None:
            await asyncio.sleep(size / self.trouble.bandwidth)


class _Requests:
    """Counts request lines in a stream of bytes, however they are cut into pieces."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._rest = b""

    def seen(self, piece: bytes) -> None:
        text = self._rest + piece
        self._link.requests += len(_REQUEST.findall(text))
        self._rest = text[text.rfind(b"\n") + 1 :][-_LINE:]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Have the peer see a reset rather than an end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        with socket.socket(fileno=os.dup(connection.fileno())) as same:  # uvloop's own does not take options
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class Proxies:
    """The links between the services of a running architecture, by caller and callee."""

    def __init__(self) -> None:
        self.links: dict[tuple[str, str], Link] = {}

    async def between(self, caller: str, callee: str, url: str) -> str:
        """The address by which the caller is to find the callee, which is at that url."""
        link = self.links.get((caller, callee))
        if link is None:
            link = self.links[caller, callee] = Link(caller, callee, url)
            await link.start()
        return link.url

    async def change(self, callee: str, trouble: Trouble) -> None:
        """That is wrong on every way to the callee."""
        for link in self.links.values():
            if link.callee == callee:
                await link.change(trouble)


@asynccontextmanager
async def proxies() -> AsyncIterator[Proxies]:
    """Proxies until the block ends."""
    found = Proxies()
    try:
        yield found
    finally:
        for link in found.links.values():
            await link.close()

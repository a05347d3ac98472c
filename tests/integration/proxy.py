"""A way to a server that can be cut or fall silent at a chosen byte."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

CHUNK = 65536


class Proxy:
    """Forwards every connection to a port of 127.0.0.1.

    The server's answer to the first request that holds `lose` is taken from it, and the connection cut: what was asked
    is done, and who asked does not know. Where either side says `silent_at`, nothing more goes through, for good.
    """

    def __init__(self, target: int, *, lose: bytes, silent_at: bytes) -> None:
        self.port = 0
        self.lost = 0
        self.silent = asyncio.Event()
        self._target = target
        self._lose = lose
        self._silent_at = silent_at
        self._tasks = set[asyncio.Task[None]]()
        self._ends = list[asyncio.StreamWriter]()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection both ways until either end is closed."""
        self._ends.append(writer)
        self._start(self._forward(reader, writer))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Cut all connections."""
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for end in self._ends:
            end.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self._target)
        self._ends.append(requests)
        asked = bytearray()
        ways = self._requests(reader, requests, asked), self._answers(answers, writer, asked)
        await asyncio.wait([self._start(way) for way in ways], return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, requests):  # which ends the other way as well
            end.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytearray) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                asked += chunk
                await self._unless_silent(bytes(asked))
                writer.write(chunk)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytearray) -> None:
        before = b""
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                if self._lose and self._lose in asked and not self.lost:
                    self.lost += 1
                    return
                asked.clear()
                await self._unless_silent(before + chunk)
                before = chunk
                writer.write(chunk)
                await writer.drain()

    async def _unless_silent(self, said: bytes) -> None:
        if self._silent_at and self._silent_at in said:
            self.silent.set()
        if self.silent.is_set():
            await asyncio.Event().wait()


@asynccontextmanager
async def proxy(target: int, *, lose: bytes = b"", silent_at: bytes = b"") -> AsyncIterator[Proxy]:
    """A proxy on a free port, until the block ends."""
    made = Proxy(target, lose=lose, silent_at=silent_at)
    async with await asyncio.start_server(made.accept, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            await made.close()

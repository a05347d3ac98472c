"""The load generator: keep-alive HTTP/1.1 over raw sockets, one request in flight on each connection.

    python -m benchmarks.load PORT PATH [--connections 64] [--seconds 2] [--warmup 0.5]

prints `{"value": 2xx answers a second}` as JSON; anything else than a 2xx ends it with an error.
"""

import argparse
import asyncio
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import cast

from benchmarks.workload import DEFAULT_CONCURRENCY, order_json

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def requests(path: str) -> Iterator[bytes]:
    """Requests without end, no two with the same order."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ".encode()
    for n in itertools.count():
        body = order_json(n)
        yield b"%b%d\r\n\r\n%b" % (head, len(body), body)


class Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, source: Iterator[bytes], fail: Callable[[Exception], None]) -> None:
        self.answered = 0
        self._source = source
        self._fail = fail
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._transport.write(next(self._source))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self._buffer, 0, end)
        if not self._buffer.startswith(b"HTTP/1.1 2") or length is None:
            self._fail(RuntimeError(f"not a 2xx with a length: {self._buffer[:500]!r}"))
        elif len(self._buffer) >= end + 4 + int(length[1]):
            self._buffer = b""
            self.answered += 1
            self._transport.write(next(self._source))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))

    def stop(self) -> None:
        self._transport.abort()


async def measure(port: int, path: str, connections: int, warmup: float, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    failure: asyncio.Future[None] = loop.create_future()

    def fail(error: Exception) -> None:
        if not failure.done():
            failure.set_exception(error)

    source = requests(path)
    opened = [
        (await loop.create_connection(lambda: Connection(source, fail), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await wait(failure, warmup)
    start, before = time.perf_counter(), sum(each.answered for each in opened)
    await wait(failure, seconds)
    rate = (sum(each.answered for each in opened) - before) / (time.perf_counter() - start)
    failure.cancel()
    for each in opened:
        each.stop()
    return rate


async def wait(failure: "asyncio.Future[None]", seconds: float) -> None:
    """That many seconds, unless something fails first, which is raised."""
    done, _ = await asyncio.wait([failure], timeout=seconds)
    if done:
        failure.result()


def run() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--connections", type=int, default=DEFAULT_CONCURRENCY)
    parser.add_argument("--warmup", type=float, default=0.5)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    try:
        import uvloop
    except ImportError:
        runner = asyncio.run
    else:
        runner = uvloop.run
    rate = runner(measure(args.port, args.path, args.connections, args.warmup, args.seconds))
    print(json.dumps({"value": rate}))


if __name__ == "__main__":
    run()

"""Serving an ASGI app with uvicorn: on loopback unless told otherwise, with a clean end."""

import asyncio
import gc
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

import uvicorn
from starlette.types import ASGIApp

from headwater.http.sse import CLOSING, Closing

T = TypeVar("T")

BACKLOG = 2048
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address as clients write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


async def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    started: Callable[[Address], None] = lambda address: None,
    drain: int = 10,
    **options: Any,
) -> None:
    """Serve `app` until Ctrl-C or SIGTERM, then return: open event streams end at once, requests under way are
    finished within `drain` seconds. A second Ctrl-C does not wait for them.

    `started` is called with the address once clients can come; port 0 takes a free one. `options` go to uvicorn.
    Must run in the main thread to hear of signals. Raises OSError when it cannot listen there.
    """
    server = _Server(app, _listen(host, port), drain, options)
    server.on_started = lambda: started(server.address)
    gc.collect()
    gc.freeze()  # what is there by now lives as long as the process: no collection need look at it again
    with server.stop_on_signals():
        await server.serve()


@asynccontextmanager
async def serving(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, drain: int = 10, **options: Any
) -> AsyncIterator[Address]:
    """Serve `app` beside the block, which gets the address; stop as `serve` does when the block ends."""
    server = _Server(app, _listen(host, port), drain, options)
    ready = asyncio.Event()
    server.on_started = ready.set
    task = asyncio.create_task(server.serve(), name=f"http {server.address.url}")
    task.add_done_callback(lambda _: ready.set())
    await ready.wait()
    try:
        if not task.done():
            yield server.address
    finally:
        server.should_exit = True
        await task


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on uvloop where it is installed."""
    factory = None
    if find_spec("uvloop") is not None:
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


class _Server(uvicorn.Server):
    """Uvicorn that tells event streams to end, and returns after a signal instead of raising it once more (which
    would cancel, or kill, whoever still has a store to close)."""

    on_started: Callable[[], None]

    def __init__(self, app: ASGIApp, listener: socket.socket, drain: int, options: dict[str, Any]) -> None:
        settings: dict[str, Any] = {
            "log_config": None, "access_log": False, "server_header": False, "proxy_headers": False, "ws": "none",
            "backlog": BACKLOG, "timeout_keep_alive": 30, "timeout_graceful_shutdown": drain,
        }  # fmt: skip
        super().__init__(uvicorn.Config(app, **(settings | options)))
        self.address = Address(*listener.getsockname()[:2])
        self._listener = listener
        self._closing = Closing(self._cut_off)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve([self._listener])
        finally:
            self._listener.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state[CLOSING] = self._closing
        await super().startup(sockets)
        self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.asked.set()
        await super().shutdown(sockets)

    def _cut_off(self, client: Any) -> None:
        """Closing would wait, without end, for a client to take what is still to be sent."""
        connections: list[Any] = list(self.server_state.connections)
        for connection in connections:
            if client and getattr(connection, "client", None) == client:
                connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @contextmanager
    def stop_on_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in _SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener

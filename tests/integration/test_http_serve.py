"""Serving: where it listens, how it stops, how it is mounted, what it needs."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest
from http_support import Served, app, over_http, served
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.http import Address, http_app, serving
from headwater.http.wire import respond

HERE = Path(__file__).parent
SSE = {"accept": "text/event-stream"}

PROGRAM = textwrap.dedent("""
    import asyncio, sys
    from http_support import app
    from headwater.app import Runtime
    from headwater.http import http_app, run, serve

    async def main():
        async with Runtime.open(app, sys.argv[1]) as runtime:
            await serve(http_app(runtime), port=0, started=lambda address: print(address.url, flush=True))
        print("closed", flush=True)

    run(main())
""")


@contextlib.asynccontextmanager
async def program(store: Path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", PROGRAM, f"sqlite:///{store}", stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(HERE)},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_clean_with_event_streams_open(sent: signal.Signals, tmp_path: Path) -> None:
    async def main() -> None:
        async with program(tmp_path / "tiny.db") as process:
            assert process.stdout is not None
            url = (await process.stdout.readline()).decode().strip()
            async with httpx.AsyncClient(base_url=url, timeout=20) as client:
                content = {"order_id": "o1", "customer_id": "c1"}
                assert (await client.post("/commands/order.place", json=content)).status_code == 200
                async with (
                    client.stream("GET", "/events", headers=SSE) as events,
                    client.stream("GET", "/streams/order-o1", headers=SSE) as stream,
                ):
                    texts = [events.aiter_text(), stream.aiter_text()]
                    for text in texts:
                        assert await anext(text)
                    process.send_signal(sent)
                    began = time.monotonic()
                    for text in texts:
                        assert "order.placed" in "".join([part async for part in text])
            out, err = await process.communicate()
            assert time.monotonic() - began < 2
            assert (out.decode().strip(), err.decode(), process.returncode) == ("closed", "", 0)

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_request_under_way_is_finished() -> None:
    async def main() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                entered.set()
                await leave.wait()
                await respond(send, 200, b"done")

        async with httpx.AsyncClient() as client:
            async with serving(slow, lifespan="off") as address:
                asked = asyncio.create_task(client.get(address.url))
                await entered.wait()
                asyncio.get_running_loop().call_later(0.3, leave.set)
            answer = await asked
            assert answer.text == "done"
            with pytest.raises(httpx.ConnectError):
                await client.get(address.url)

    asyncio.run(main())


def test_event_streams_end_at_once_when_the_server_stops() -> None:
    async def main() -> None:
        async with httpx.AsyncClient(timeout=10) as client, contextlib.AsyncExitStack() as stack:
            async with served() as server:
                url, streams = f"http://127.0.0.1:{server.port}", []
                for path in ["/events"] * 10 + ["/streams/order-o1"] * 10:
                    response = await stack.enter_async_context(client.stream("GET", url + path, headers=SSE))
                    streams.append(response)
                began = time.monotonic()
            assert time.monotonic() - began < 2
            for response in streams:
                await response.aread()  # it ended as it should: a broken one would raise

    asyncio.run(main())


def test_a_client_who_stopped_reading_does_not_keep_it_from_stopping() -> None:
    async def main() -> None:
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            silent.setblocking(False)
            async with served() as server:
                for number in range(30):
                    await server.place(f"o{number}", note="x" * 900_000)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(silent, ("127.0.0.1", server.port))
                await loop.sock_sendall(silent, b"GET /events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n")
                assert await loop.sock_recv(silent, 10)
                began = time.monotonic()
            assert time.monotonic() - began < 2

    asyncio.run(asyncio.wait_for(main(), 15))


def test_a_port_in_use_is_an_error_that_says_so() -> None:
    async def main() -> None:
        async with served() as server:
            with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{server.port}"):
                async with serving(http_app(server.runtime), port=server.port):
                    pass

    asyncio.run(main())


def test_addresses_are_written_as_clients_do() -> None:
    assert Address("127.0.0.1", 80).url == "http://127.0.0.1:80"
    assert Address("::1", 80).url == "http://[::1]:80"


def test_mounted_under_another_app() -> None:
    async def main() -> None:
        async with Runtime.open(app) as runtime:
            outer = Starlette(routes=[Mount("/api", http_app(runtime))])
            async with serving(outer) as address, httpx.AsyncClient(base_url=address.url + "/api/") as client:
                placed = await client.post("commands/order.place", json={"order_id": "o1", "customer_id": "c1"})
                assert placed.status_code == 200
                assert (await client.get("views/order_summary/o1?after=1")).status_code == 200
                assert (await client.get("nowhere")).headers["content-type"] == "application/problem+json"
                document = (await client.get("openapi.json")).json()
                assert document["servers"] == [{"url": "/api"}]
                async with client.stream("GET", "events", headers=SSE) as response:
                    assert await anext(response.aiter_text())

    asyncio.run(main())


def test_without_its_extra_it_says_what_to_install() -> None:
    program = textwrap.dedent("""
        import sys
        from headwater.errors import MissingExtra
        sys.modules["starlette"] = None  # as if it were not installed
        try:
            import headwater.http
        except MissingExtra as error:
            print(error)
    """)

    async def main() -> str:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0].decode()

    assert "pip install 'headwater[http]'" in asyncio.run(main())


@over_http
async def test_a_connection_is_kept(server: Served) -> None:
    for number in range(3):
        assert (await server.place(f"o{number}")).headers.get("connection") != "close"

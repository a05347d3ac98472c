"""The proxy between two services, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from headwater.http import run as run_loop
from headwater_shop.lab.client import NONE, Client
from headwater_shop.lab.proxy import NO_TROUBLE, Link, Trouble, proxies

BODY = b"x" * 2000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """A server that answers every request with BODY."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(HEAD + BODY)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def through(test: Callable[[Link, Client], Awaitable[None]], timeout: float = 5.0) -> None:
    """Run a test with a link to a server, and a client of the link."""

    async def run() -> None:
        async with serving() as url, proxies() as found:
            client = Client(await found.between("a", "b", url), timeout)
            await test(found.links["a", "b"], client)
            client.close()

    run_loop(run())


async def until(holds: Callable[[], bool]) -> None:
    give_up = asyncio.get_running_loop().time() + 5
    while not holds():
        assert asyncio.get_running_loop().time() < give_up
        await asyncio.sleep(0.001)


async def took(link: Link, client: Client) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await client.ask("GET", "/")).body == BODY
    return loop.time() - began


def test_it_carries_and_counts() -> None:
    async def test(link: Link, client: Client) -> None:
        for _ in range(3):
            assert (await client.ask("GET", "/any")) == (200, BODY)
        assert link.requests == 3
        assert link.bytes > 3 * len(HEAD + BODY)

    through(test)


def test_a_request_that_comes_in_pieces_is_one() -> None:
    async def test(link: Link, client: Client) -> None:
        reader, writer = await asyncio.open_connection(*link.url.removeprefix("http://").split(":"))
        for piece in (b"GET /a HT", b"TP/1.1\r\nHost: a", b"\r\n\r\n"):
            before = link.bytes
            writer.write(piece)
            await until(lambda before=before: link.bytes > before)  # type: ignore[misc]
        await reader.readuntil(b"\r\n\r\n")
        assert link.requests == 1
        writer.close()

    through(test)


def test_it_slows_down() -> None:
    async def test(link: Link, client: Client) -> None:
        await link.change(Trouble(latency=0.1))
        assert await took(link, client) > 0.09
        await link.change(Trouble(bandwidth=20_000))
        assert await took(link, client) > 0.09
        await link.change(NO_TROUBLE)
        assert (await client.ask("GET", "/")).status == 200

    through(test)


@pytest.mark.parametrize("trouble", [Trouble(reset=True), Trouble(down=True)], ids=["reset", "down"])
def test_it_breaks_and_mends(trouble: Trouble) -> None:
    async def test(link: Link, client: Client) -> None:
        assert (await client.ask("GET", "/")).status == 200
        await link.change(trouble)
        assert await client.ask("GET", "/") == NONE
        assert await client.ask("GET", "/") == NONE
        await link.change(NO_TROUBLE)
        assert (await client.ask("GET", "/")).status == 200

    through(test)


def test_who_is_down_refuses() -> None:
    async def test(link: Link, client: Client) -> None:
        await link.change(Trouble(down=True))
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*link.url.removeprefix("http://").split(":"))

    through(test)


def test_who_resets_takes_the_connection_first() -> None:
    async def test(link: Link, client: Client) -> None:
        await link.change(Trouble(reset=True))
        reader, writer = await asyncio.open_connection(*link.url.removeprefix("http://").split(":"))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

    through(test)


def test_silence_lasts_until_it_is_over() -> None:
    async def test(link: Link, client: Client) -> None:
        await link.change(Trouble(silent=True))
        assert await client.ask("GET", "/") == NONE
        asked = asyncio.create_task(client.ask("GET", "/"))
        await until(lambda: link.requests == 2)
        await link.change(NO_TROUBLE)
        assert (await asked).status == 200

    through(test, timeout=0.5)


def test_a_callee_that_is_gone_breaks_off() -> None:
    async def run() -> None:
        async with serving() as url:
            pass
        async with proxies() as found:
            client = Client(await found.between("a", "b", url), 5.0)
            assert await client.ask("GET", "/") == NONE

    run_loop(run())

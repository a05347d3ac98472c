"""Asking another service: what a naive caller and a hardened one make of trouble on the way."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from headwater.errors import Rejected
from headwater.testing.running import asynchronous
from headwater_shop.parts.asking import Answered, Manner, NoAnswer, client, peer

RESET = struct.pack("ii", 1, 0)


def answer(status: int, body: str = "{}") -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()


OK = answer(200)


@dataclass
class Other:
    """A service that gives these answers, one for each connection, and the last for all that follow; b'': it resets
    the connection as it opens, None: it is silent."""

    answers: Sequence[bytes | None]
    asked: int = 0
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    open: list[asyncio.Task[None]] = field(default_factory=list)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.append(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.give(reader, writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def give(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        given = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if given == b"":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
            return
        await reader.readuntil(b"\r\n\r\n")
        if given is None:
            await self.silent.wait()
        else:
            writer.write(given)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        async with server:
            try:
                yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            finally:
                self.silent.set()
                await asyncio.gather(*self.open)


async def ask(manner: Manner, other: Other, within: float | None = None) -> Answered:
    async with other.listening() as url, client() as by:
        return await peer("other", url, by, manner).ask("PUT", "/it", b"{}", within=within)


@pytest.mark.parametrize("manner", ["naive", "hardened"])
def test_answers(manner: Manner) -> None:
    @asynchronous()
    async def asked() -> None:
        assert (await ask(manner, Other([answer(201, "7")]))) == Answered(201, b"7")
        assert (await ask(manner, Other([answer(402, "7")]))).status == 402
        assert (await ask(manner, Other([answer(404)]))).status == 404
        no = answer(409, '{"detail": "too late", "code": "already_paid", "facts": {"a": 1}}')
        with pytest.raises(Rejected, match="too late") as refused:
            await ask(manner, Other([no]))
        assert (refused.value.code, refused.value.facts) == ("already_paid", {"a": 1})
        with pytest.raises(Rejected):
            await ask(manner, Other([answer(404, '{"detail": "no order", "code": "not_placed"}')]))

    asked()


@pytest.mark.parametrize(("said", "told"), [(500, 502), (400, 502), (503, 503), (504, 504)])
@pytest.mark.parametrize("manner", ["naive", "hardened"])
def test_errors_are_asked_for_once(manner: Manner, said: int, told: int) -> None:
    """Whoever is behind has tried already; three tries at each of three doors would be twenty-seven."""

    @asynchronous()
    async def asked() -> None:
        other = Other([answer(said)])
        with pytest.raises(NoAnswer) as nothing:
            await ask(manner, other)
        assert (nothing.value.status, other.asked) == (told, 1)

    asked()


@asynchronous()
async def test_a_connection_that_breaks() -> None:
    naive, hardened, hopeless = Other([b"", OK]), Other([b"", OK]), Other([b""])
    with pytest.raises(NoAnswer) as nothing:
        await ask("naive", naive)
    assert (nothing.value.status, naive.asked) == (502, 1)
    assert (await ask("hardened", hardened)).status == 200
    assert hardened.asked == 2
    with pytest.raises(NoAnswer):
        await ask("hardened", hopeless)
    assert hopeless.asked == 3


@asynchronous()
async def test_silence_has_an_end() -> None:
    """What takes its time is not asked for again."""
    other = Other([None, OK])
    with pytest.raises(NoAnswer, match="longer than") as nothing:
        await ask("hardened", other, within=0.1)
    assert (nothing.value.status, other.asked) == (504, 1)


@asynchronous()
async def test_who_fails_is_left_alone() -> None:
    other = Other([answer(500)])
    async with other.listening() as url, client() as by:
        asking = peer("other", url, by, "hardened")
        statuses = []
        for _ in range(15):
            with pytest.raises(NoAnswer) as nothing:
                await asking.ask("GET", "/it")
            statuses.append(nothing.value.status)
    assert statuses == [502] * 15
    assert other.asked == 10


@asynchronous()
async def test_who_is_there_is_not_blamed_for_those_behind() -> None:
    other = Other([answer(504)])
    async with other.listening() as url, client() as by:
        asking = peer("other", url, by, "hardened")
        for _ in range(15):
            with pytest.raises(NoAnswer) as nothing:
                await asking.ask("GET", "/it")
            assert nothing.value.status == 504
    assert other.asked == 15

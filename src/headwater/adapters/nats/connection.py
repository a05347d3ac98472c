"""The way to the servers: one connection, kept up for ever, and questions with answers within a bounded time."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from nats import errors as nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from headwater.adapters.nats import faults
from headwater.adapters.nats.address import Address
from headwater.adapters.nats.wire import STATUS
from headwater.errors import StoreClosed, StoreRefused, StoreUnavailable
from headwater.flow.retry import full_jitter

T = TypeVar("T")
Heard = Callable[[Msg], Awaitable[None]]

BACKOFF, BACKOFF_CAP = 0.04, 0.5  # seconds: the longest waits before the second attempt, and before any
CLOSED_WITHIN = 2.0  # seconds
PROBE = 2.0  # seconds for a server to take a connection
ANSWER = 3.0  # seconds for a server to answer one question; asking again is cheap
PING = 5  # seconds; a server that leaves three of them unanswered is given up
AGAIN = 0.2  # seconds before the next attempt to connect
OUTGOING = 8 * 1024 * 1024  # bytes that may wait for the socket

encode_json = msgspec.json.Encoder().encode
decode_json = msgspec.json.Decoder().decode
log = logging.getLogger(__name__)


class Connection:
    """A connection to one server of several. While it is lost, questions raise `faults.Away`; it comes back by itself.

    `epoch` grows with each connection: whatever was under way before is lost.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.shown = address.shown
        self.epoch = 0
        self.answer_within = ANSWER
        self.listeners: set[Callable[[], None]] = set()
        """Called whenever the connection is lost or comes back."""
        self._client = Client()  # one that never was connected
        self._closed = False
        self._refused: BaseException | None = None
        self._waiting: dict[str, Callable[[Msg | StoreUnavailable], None]] = {}
        self._asked = 0
        self._inbox = ""
        self._up = asyncio.Event()
        self._heard: dict[int, tuple[str, Heard, Subscription]] = {}
        self._reopening: asyncio.Task[None] | None = None

    # -- life

    async def open(self) -> None:
        """Connect. Raises StoreUnavailable, StoreRefused."""
        servers = await self._reachable()
        client = Client()
        try:
            async with asyncio.timeout(2 * PROBE):
                await client.connect(
                    servers, name="headwater", allow_reconnect=False, dont_randomize=True, connect_timeout=int(PROBE),
                    reconnect_time_wait=0, max_reconnect_attempts=1, ping_interval=PING, pending_size=OUTGOING,
                    error_cb=self._failed, disconnected_cb=self._down, reconnected_cb=self._back, closed_cb=self._gone,
                    **self._credentials(),
                )  # fmt: skip
        except (nats.Error, OSError, TimeoutError) as error:
            with suppress(Exception):
                await client.close()
            raise faults.translate(error, self.shown) from error
        # Only now: a driver told to connect again and again would do so with the first connection, whatever the reason.
        client.options |= {"allow_reconnect": True, "max_reconnect_attempts": -1, "reconnect_time_wait": AGAIN}
        self._client = client
        await self._begin()

    async def _reachable(self) -> list[str]:
        """The servers, in an order by chance, those that take a connection first: the driver waits for others long."""
        servers = list(self.address.servers)
        random.shuffle(servers)
        found = await asyncio.gather(*(_takes_connections(host, port) for host, port in servers))
        if not any(found):
            raise StoreUnavailable(self.shown, "no server takes connections")
        servers = [each for each, takes in zip(servers, found, strict=True) if takes] + [
            each for each, takes in zip(servers, found, strict=True) if not takes
        ]
        return [f"{self.address.scheme}://{f'[{host}]' if ':' in host else host}:{port}" for host, port in servers]

    def _credentials(self) -> dict[str, Any]:
        if self.address.user and self.address.password:
            return {"user": self.address.user, "password": self.address.password}
        return {"token": self.address.user} if self.address.user else {}

    async def _begin(self) -> None:
        self.epoch += 1
        self._inbox = self._client.new_inbox() + "."
        await self._client.subscribe(self._inbox + "*", cb=self._answered)
        for number, (subject, heard, _) in list(self._heard.items()):  # those of the client before
            self._heard[number] = subject, heard, await self._client.subscribe(subject, cb=heard)
        self._refused = None
        self._up.set()

    async def _failed(self, error: Exception) -> None:
        """The driver tells of an error."""
        if faults.refuses(error):
            self._refused = error
        log.debug("%s: %r", self.shown, error)

    async def _down(self) -> None:
        self._up.clear()
        self._fail(faults.NoAnswer(self.shown, "the connection was lost"))
        self._tell()

    async def _back(self) -> None:
        self.epoch += 1
        self._refused = None
        self._up.set()
        self._tell()

    async def _gone(self) -> None:
        """The driver has given up, as it does after some errors: begin anew."""
        if not self._closed and self._client.is_closed and self._reopening is None:
            self._up.clear()
            self._reopening = asyncio.create_task(self._reopen(), name="nats-reopen")

    async def _reopen(self) -> None:
        while not self._closed:
            try:
                await self.open()
            except StoreRefused as error:
                self._refused = error
            except StoreUnavailable:
                pass
            else:
                break
            await asyncio.sleep(AGAIN)
        self._reopening = None
        self._tell()

    def _tell(self) -> None:
        for told in list(self.listeners):
            told()

    async def close(self) -> None:
        """Close. Twice is no error."""
        if self._closed:
            return
        self._closed = True
        if self._reopening:
            self._reopening.cancel()
        self._fail(StoreUnavailable(self.shown, "the broker was closed"))
        with suppress(nats.Error, OSError, asyncio.TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN):  # a frozen server takes nothing in
                await self._client.close()
        self._tell()

    def _fail(self, error: StoreUnavailable) -> None:
        waiting, self._waiting = self._waiting, {}
        for tell in waiting.values():
            tell(error)

    # -- sending

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def max_payload(self) -> int:
        """How large a message may be, with its headers, in bytes."""
        return self._client.max_payload

    def check(self) -> None:
        """Raises StoreClosed; `faults.Away` or StoreRefused while there is no connection."""
        if self._closed:
            raise StoreClosed(self.shown)
        if not self._up.is_set():
            if self._refused:
                raise StoreRefused(self.shown, str(self._refused))
            raise faults.Away(self.shown, "there is no connection")

    async def up(self, timeout: float) -> None:
        """Wait for a connection. Raises as `check` does."""
        if not self._up.is_set() and not self._closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._up.wait()
        self.check()

    async def send(
        self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None, reply: str = ""
    ) -> None:
        """Send a message, with no answer. Raises as `check` does, and `faults.NoAnswer`."""
        self.check()
        try:
            await self._client.publish(subject, payload, reply, headers if headers is None else dict(headers))
        except (nats.Error, OSError) as error:
            raise faults.translate(error, self.shown) from error

    async def subscribe(self, subject: str, heard: Heard) -> int:
        """Have a function called for each message; the number by which this is undone. Outlives the loss of the
        connection, but what is sent meanwhile is not heard."""
        self.check()
        self._asked += 1
        number = self._asked
        try:
            self._heard[number] = subject, heard, await self._client.subscribe(subject, cb=heard)
            return number
        except (nats.Error, OSError) as error:
            raise faults.translate(error, self.shown) from error

    async def unsubscribe(self, number: int) -> None:
        """Hear no more. Twice is no error."""
        if found := self._heard.pop(number, None):
            with suppress(nats.Error, OSError):
                await found[2].unsubscribe()

    def new_inbox(self) -> str:
        """A subject of one's own."""
        return self._client.new_inbox()

    # -- asking

    async def ask(self, subject: str, payload: bytes = b"", headers: Mapping[str, str] | None = None) -> Msg:
        """The answer to a message. Raises as `send` does, and `faults.Nobody`."""
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def tell(message: Msg | StoreUnavailable) -> None:
            if answer.done():
                return
            if isinstance(message, StoreUnavailable):
                answer.set_exception(message)
            else:
                answer.set_result(message)

        message = await self._wait(answer, tell, subject, payload, headers)
        if not message.data and message.headers and message.headers.get(STATUS) == "503":
            raise faults.Nobody(self.shown, f"nobody listens at {subject}")
        return message

    async def ask_many(self, subject: str, payload: bytes) -> tuple[list[Msg], Msg]:
        """The answers to a message, and the status that ends them. Raises as `ask` does."""
        found: list[Msg] = []
        end: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

        def tell(message: Msg | StoreUnavailable) -> None:
            if end.done():
                return
            if isinstance(message, StoreUnavailable):
                end.set_exception(message)
            elif message.headers and STATUS in message.headers:
                end.set_result(message)
            else:
                found.append(message)

        last = await self._wait(end, tell, subject, payload, None)
        if last.headers and last.headers.get(STATUS) == "503":
            raise faults.Nobody(self.shown, f"nobody listens at {subject}")
        return found, last

    async def _wait(
        self, answer: "asyncio.Future[Msg]", tell: Callable[[Msg | StoreUnavailable], None],
        subject: str, payload: bytes, headers: Mapping[str, str] | None,
    ) -> Msg:  # fmt: skip
        self._asked += 1
        token = str(self._asked)
        self._waiting[token] = tell
        try:
            await self.send(subject, payload, headers, self._inbox + token)
            async with asyncio.timeout(self.answer_within):
                return await answer
        except TimeoutError as error:
            raise faults.NoAnswer(self.shown, f"{subject} gave no answer in {self.answer_within:g} s") from error
        finally:
            self._waiting.pop(token, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # whoever was cancelled meanwhile does not look at it

    async def _answered(self, message: Msg) -> None:
        tell = self._waiting.get(message.subject[len(self._inbox) :])
        if tell:
            tell(message)

    # -- the server's API

    async def api(self, verb: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream. Raises `faults.Declined`, and as `ask` does."""
        message = await self.ask(f"$JS.API.{verb}", b"" if body is None else encode_json(body))
        answer: dict[str, Any] = decode_json(message.data)
        if "error" in answer:
            raise faults.declined(answer["error"], self.shown)
        return answer

    async def persist(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns, tried again while the servers are away, within the address's patience. Doing it twice
        must be safe. Raises the last error."""
        loop = asyncio.get_running_loop()
        give_up, attempt = loop.time() + self.address.patience, 0
        while True:
            try:
                if not self._up.is_set() or self._closed:
                    await self.up(max(give_up - loop.time(), 0))
                return await work()
            except StoreUnavailable:
                if self._closed:
                    raise StoreClosed(self.shown) from None
                attempt += 1
                pause = full_jitter(attempt, BACKOFF, BACKOFF_CAP)
                if loop.time() + pause >= give_up:
                    raise
            await asyncio.sleep(pause)


async def _takes_connections(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(PROBE):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True

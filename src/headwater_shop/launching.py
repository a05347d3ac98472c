"""Starting an architecture: the bank and every service as a process, each with what it is to know of the others."""

import asyncio
import os
import random
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, cast

import httpx

from headwater.errors import HeadwaterError
from headwater_shop import service as plain
from headwater_shop.architecture import BANK, Architecture, Service
from headwater_shop.contract import PREFIX, Item
from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.event_services import serving as event_driven
from headwater_shop.event_services.seeding import stock as stock_events
from headwater_shop.parts import products
from headwater_shop.parts.bench import Given
from headwater_shop.parts.database import Database
from headwater_shop.shelves import shelves

READY_WITHIN: Final = 60.0
ENDS_WITHIN: Final = 15.0
LOOK_EVERY: Final = 0.05  # seconds
LOG_SHOWN: Final = 2_000  # characters
PORTS: Final = (20_000, 32_000)
"""Below those that systems take for connections that go out: while a service is away, nobody else gets its port."""

Between = Callable[[str, str, str], Awaitable[str]]
"""From a caller, a callee and its address to the address by which the caller is to find it."""
Told = Callable[[str], None]
"""Is told what has been started."""


class NotStarted(HeadwaterError):
    """A service ended, or was silent for too long, before it was ready; the text ends with what it wrote last."""

    def __init__(self, service: str, log: str) -> None:
        super().__init__(f"the service {service!r} did not start: {log or 'it wrote nothing'}")
        self.service = service


@dataclass(frozen=True)
class Places:
    """Where what lasts is kept. `store` is for every database: '' for SQLite files in the folder, or a PostgreSQL
    address, in which each service gets a schema of its own; `broker` is for the event-driven shop."""

    folder: Path
    store: str = ""
    broker: str = ""

    def database(self, name: str) -> str:
        """The database of a service."""
        return f"{self.store}?schema=shop_{name}" if self.store else f"sqlite:///{self.folder}/{name}.db"

    @property
    def topics(self) -> str:
        """The broker of the event-driven shop."""
        return self.broker or f"sqlite:///{self.folder}/topics.db"

    @property
    def cards(self) -> str:
        """Where the event-driven shop keeps cards."""
        return f"{self.folder}/cards.db"


@dataclass(frozen=True)
class Setting:
    """How an architecture is set up. `items` are on its shelves when it is new; `port` is the front's (0: a free one);
    `packing` is the seconds from paid to dispatched, `payment_deadline` those from placed to cancelled where nobody
    pays; `others` are the addresses of other architectures by title."""

    store: str = ""
    broker: str = ""
    packing: float = 0.0
    payment_deadline: float = PAYMENT_DEADLINE.total_seconds()
    port: int = 0
    items: Sequence[Item] | None = None
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Running:
    """A service's process, and with what it was deployed."""

    service: Service
    port: int
    log: IO[str]
    interface: str = ""
    popen: subprocess.Popen[str] | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self.popen is not None
        return self.popen


class Launch:
    """A running architecture. Addresses stay what they are for as long as it runs."""

    def __init__(self, architecture: Architecture, folder: Path, setting: Setting) -> None:
        self.architecture = architecture
        self.places = Places(folder.absolute(), setting.store, setting.broker)
        folder.mkdir(parents=True, exist_ok=True)
        self._setting = setting
        self._peers: Mapping[str, Mapping[str, str]] = {}
        self._services = (Service(BANK), *architecture.services)
        ports = _free_ports(len(self._services))
        self._running = {
            each.name: _Running(each, port, (folder / f"{each.name}.log").open("a"))
            for each, port in zip(self._services, ports, strict=True)
        }
        if setting.port:
            self._running[architecture.front].port = setting.port

    @property
    def front(self) -> str:
        """The address that answers the contract."""
        return self.url(self.architecture.front)

    def url(self, name: str) -> str:
        """A service's own address."""
        return f"http://127.0.0.1:{self._running[name].port}"

    def pid(self, name: str) -> int:
        """A service's process; the last one it had, where it is not running."""
        return self._running[name].process.pid

    def file(self, keeper: str) -> Path | None:
        """The SQLite file of a `store` or `broker` that is no process but embedded in others; else None."""
        if keeper == "store" and not self.places.store:
            return self.places.folder / "store.db"
        if keeper == "broker" and not self.places.broker:
            return self.places.folder / "topics.db"
        return None

    def kill(self, name: str) -> None:
        """End a service at once, as a crash would (SIGKILL)."""
        process = self._running[name].process
        process.kill()
        process.wait(ENDS_WITHIN)

    async def stop(self, name: str) -> None:
        """End a service as a deployment does: it is told to, and has time."""
        await _ended(self._running[name].process, signal.SIGTERM)

    async def start(self, name: str, *, interface: str | None = None) -> None:
        """Start a service that has ended, at its address of before, and wait until it is at work; with another
        `interface` from now on, or that of before. Raises NotStarted."""
        running = self._running[name]
        running.interface = running.interface if interface is None else interface
        if running.popen is not None and running.popen.stdout is not None:
            running.popen.stdout.close()
        running.popen = _spawned(self._command(running), running.log)
        await self._ready(running)

    async def begin(self, between: Between | None, told: Told) -> None:
        """Start all of it for the first time, until there is something to buy. Raises NotStarted."""
        items = shelves() if self._setting.items is None else self._setting.items
        await self._fill(items)
        self._peers = {each.name: await self._ways(each, between) for each in self._services}

        async def one(name: str) -> None:
            await self.start(name)
            told(name)

        try:
            async with asyncio.TaskGroup() as group:
                for each in self._services:
                    group.create_task(one(each.name), name=f"start {each.name}")
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        await self._open(len(items))

    async def _open(self, items: int) -> None:
        """Wait until the front shows so many products: everybody on the way there is at work."""
        asked = f"{self.front}{PREFIX}/products"
        try:
            async with asyncio.timeout(READY_WITHIN), httpx.AsyncClient(trust_env=False) as client:
                while True:
                    answer = await client.get(asked)
                    if answer.status_code == 200 and answer.json()["total"] >= items:
                        return
                    await asyncio.sleep(LOOK_EVERY)
        except (TimeoutError, httpx.HTTPError) as error:
            raise NotStarted(self.architecture.front, f"it shows no products: {error!r}") from error

    async def _ways(self, caller: Service, between: Between | None) -> Mapping[str, str]:
        ways = {callee: self.url(callee) for callee in caller.calls}
        if between is not None:
            ways = {callee: await between(caller.name, callee, url) for callee, url in ways.items()}
        return ways

    async def _fill(self, items: Sequence[Item]) -> None:
        if self.architecture.name == "event_driven":
            await stock_events(self.places.database("store"), self.places.topics, items)
        else:
            await _stock(self.places.database(self.architecture.producer), items)

    def fallen(self) -> Sequence[str]:
        """The services whose process has ended, whoever ended it."""
        return [name for name, each in self._running.items() if each.popen is None or each.popen.poll() is not None]

    async def end(self) -> None:
        """End all of it."""
        running = [each.popen for each in self._running.values() if each.popen is not None]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*(_ended(process, signal.SIGTERM) for process in running))
        for each in self._running.values():
            each.log.close()
            if each.popen is not None and each.popen.stdout is not None:
                each.popen.stdout.close()

    def _command(self, running: _Running) -> Sequence[str]:
        name, places, setting = running.service.name, self.places, self._setting
        architecture, peers = self.architecture, self._peers[name]
        database = places.database(name) if running.service.database else ""
        if name == BANK:
            return plain.command(BANK, BANK, running.port, Given(database=database))
        if architecture.name == "event_driven":
            options = event_driven.Options(
                places.database("store"), places.topics, bank=peers.get(BANK, ""), cards=places.cards,
                port=running.port, variant=cast("event_driven.Variant", architecture.variant),
                interface=cast("Any", running.interface), packing=setting.packing,
                payment_deadline=setting.payment_deadline, others=setting.others,
            )  # fmt: skip
            return event_driven.command(cast("Any", name), options)
        given = Given(
            peers, database, cast("Any", running.interface),
            "naive" if architecture.variant == "naive" else "hardened", setting.packing,
            setting.payment_deadline, setting.others if name == architecture.front else {},
        )  # fmt: skip
        return plain.command(architecture.name, name, running.port, given)

    async def _ready(self, running: _Running) -> None:
        """Wait for the line by which a service says so."""
        try:
            line = await asyncio.wait_for(asyncio.to_thread(_line, running.process), READY_WITHIN)
        except TimeoutError:
            line = ""
        except asyncio.CancelledError:  # whoever reads the line does so until there is one, or nobody to write it
            running.process.kill()
            raise
        if not line:
            running.process.kill()
            raise NotStarted(running.service.name, await asyncio.to_thread(_tail, running.log.name))


def _spawned(command: Sequence[str], log: IO[str]) -> subprocess.Popen[str]:
    """By this thread, which is the one whose end the process is told of. Ctrl-C is for whoever launches: services are
    ended in order."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _tail(log: str) -> str:
    return Path(log).read_text(errors="replace")[-LOG_SHOWN:].strip()


@asynccontextmanager
async def launched(
    architecture: Architecture, folder: Path, *, between: Between | None = None, setting: Setting | None = None,
    told: Told = lambda _name: None,
) -> AsyncIterator[Launch]:  # fmt: skip
    """An architecture at work until the block ends, with its databases and logs in `folder`; `between` may put
    something between a caller and a callee. Raises NotStarted."""
    launch = Launch(architecture, folder, setting or Setting())
    try:
        await launch.begin(between, told)
        yield launch
    finally:
        await launch.end()


async def _stock(database: str, items: Iterable[Item]) -> None:
    opened = await Database.open(database, products.TABLES)
    try:
        await products.Products(opened).stock(items)
    finally:
        await opened.close()


async def _ended(process: subprocess.Popen[str], how: signal.Signals) -> None:
    """The process has ended: told to, or else made to."""
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        await asyncio.to_thread(process.wait, ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    rng, found = random.Random(os.urandom(8)), list[int]()
    while len(found) < count:
        port = rng.randrange(*PORTS)
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found

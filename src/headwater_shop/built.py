"""The shop in any of its architectures, all its processes in one command."""

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from headwater.cli.output import note, print_line, progress
from headwater.errors import BadInput
from headwater_shop.architecture import BANK, Architecture
from headwater_shop.bank import Behaviour
from headwater_shop.launching import Launch, Setting, launched
from headwater_shop.running import Surroundings

PORTS_TRIED: Final = 50
LOOK_EVERY: Final = 1.0  # seconds
_SQLITE: Final = "sqlite:///"


@dataclass(frozen=True)
class Where:
    """Where things are: `store` is a PostgreSQL address, or that of an SQLite file, beside which a folder is made."""

    store: str
    broker: str
    port: int

    def folder(self, architecture: Architecture) -> Path:
        """Databases and logs. Raises BadInput."""
        name = architecture.title.replace("/", "-")
        if not self.store.startswith((_SQLITE, "postgresql://", "postgres://")):
            raise BadInput(f"{self.store!r}: services of their own need sqlite:///… or postgresql://…")
        return Path(self.store.removeprefix(_SQLITE)).parent / name if self.of_files else Path("var") / name

    @property
    def of_files(self) -> bool:
        """Whether what lasts is in SQLite files."""
        return self.store.startswith(_SQLITE)


async def run_built(architecture: Architecture, where: Where, surroundings: Surroundings) -> None:
    """Run it until Ctrl-C or SIGTERM. Raises BadInput, NotStarted."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    await _until(told, _run(architecture, where, surroundings))


async def _until(told: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work until told to end, or until it ends by itself."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(told.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def _run(architecture: Architecture, where: Where, surroundings: Surroundings) -> None:
    setting = Setting(
        store="" if where.of_files else where.store, broker=where.broker, packing=surroundings.packing,
        port=_free_from(where.port),
    )  # fmt: skip
    names = len(architecture.services) + 1
    async with AsyncExitStack() as stack:
        with progress(f"starting {architecture.title}", 1) as show:
            started = launched(architecture, where.folder(architecture), setting=setting, told=_counted(names, show))
            launch = await stack.enter_async_context(started)
        await _behave(launch, surroundings)
        services = ", ".join(each.name for each in architecture.services)
        print_line(f"The shop is open at {launch.front}/ as {architecture.title}; Ctrl-C closes it".encode())
        note(f"its services are {services}; logs and databases are in {launch.places.folder}")
        await _watch(launch)


def _counted(names: int, show: Callable[[float], None]) -> Callable[[str], None]:
    done: list[str] = []

    def told(name: str) -> None:
        done.append(name)
        show(len(done) / names)

    return told


async def _behave(launch: Launch, surroundings: Surroundings) -> None:
    wanted = Behaviour(delay=surroundings.payment_delay, failure_rate=surroundings.payment_failures)
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.put(f"{launch.url(BANK)}/behaviour", content=msgspec.json.encode(wanted))


async def _watch(launch: Launch) -> None:
    """Start what has fallen again, and say so."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for name in launch.fallen():
            note(f"{name} has ended and is started again; see {launch.places.folder / name}.log")
            await launch.start(name)


def _free_from(port: int) -> int:
    """That port, or the next one that nobody listens on. Raises OSError."""
    last = port if port == 0 else min(port + PORTS_TRIED, 65535)
    for candidate in range(port, last + 1):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", candidate))
            except OSError:
                if candidate == last:
                    raise
                continue
            return candidate
    raise AssertionError("a port is tried at least")

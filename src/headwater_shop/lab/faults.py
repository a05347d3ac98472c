"""Faults: what is done to a running architecture, and undone, while the load is on."""

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import msgspec

from headwater_shop.architecture import BANK, Architecture
from headwater_shop.lab.client import Client
from headwater_shop.lab.launch import Launch
from headwater_shop.lab.load import Now
from headwater_shop.lab.measure import bind
from headwater_shop.lab.plan import Pace, Planned
from headwater_shop.lab.proxy import NO_TROUBLE, Proxies, Trouble
from headwater_shop.lab.raw import Redeployed
from headwater_shop.lab.watch import Watcher

BANK_TAKES: Final = 0.05  # seconds, when all is well
SLOW: Final = 2.0  # seconds more
TO_SPARE: Final = 1.2  # a slow bank has so many times the capacity that the load needs; half of it is not enough
LOCK_WITHIN: Final = 10.0
SEEN_FOR: Final = 1.0  # seconds that a deployed service is watched for at least, before anyone else follows it

Gate = Callable[[str], str]
"""What is asked before an interface is deployed: why it is refused; '' where it is not."""


@dataclass(frozen=True)
class Scene:
    """Everything that a fault may touch. `cores` are those of the services; `happened` is told what was done."""

    architecture: Architecture
    launch: Launch
    proxies: Proxies
    pace: Pace
    cores: Collection[int]
    now: Now
    happened: Callable[[str, str], None]
    gate: Gate | None = None

    async def until(self, at: float) -> None:
        """Wait for that moment of the load."""
        await asyncio.sleep(max(0.0, at - self.now()))

    async def start(self, name: str, interface: str | None = None) -> None:
        """Start a service, on the core of all of them."""
        await self.launch.start(name, interface=interface)
        bind([self.launch.pid(name)], set(self.cores))
        self.happened("started", name)

    async def deploy(self, names: Iterable[str], interface: str) -> None:
        """Have services replaced by ones that know another interface, all at once."""
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._deploy(name, interface), name=f"deploy {name}")

    async def _deploy(self, name: str, interface: str) -> None:
        self.happened(f"deploying interface {interface}", name)
        await self.launch.stop(name)
        await self.start(name, interface)


async def strike(scene: Scene, planned: Planned, watcher: Watcher) -> Redeployed | None:
    """Do what the run is about. F0 and F5 (whose burst is in the load) do nothing. Tells what F3 took."""
    match planned.fault:
        case "F1":
            await killed(scene, planned.variation)
        case "F2":
            await (bank_silent(scene) if planned.variation == "silent" else bank_slow(scene))
        case "F3":
            return await changed(scene, planned.variation, watcher)
        case "F4":
            await keeper_lost(scene, planned.variation)
    return None


async def killed(scene: Scene, name: str) -> None:
    """A service crashes, and is there again when the fault is over."""
    await scene.until(scene.pace.fault_from)
    scene.launch.kill(name)
    scene.happened("killed", name)
    await scene.until(scene.pace.fault_to)
    await scene.start(name)


async def bank_slow(scene: Scene) -> None:
    """The bank takes longer; from half time on it also has half the capacity."""
    pace = scene.pace
    await scene.until(pace.fault_from)
    await behave(scene, BANK_TAKES + SLOW, capacity(pace))
    await scene.until((pace.fault_from + pace.fault_to) / 2)
    await behave(scene, BANK_TAKES + SLOW, capacity(pace) // 2)
    await scene.until(pace.fault_to)
    await behave(scene, BANK_TAKES, capacity(pace))


async def bank_silent(scene: Scene) -> None:
    """The way to the bank swallows everything."""
    await scene.until(scene.pace.fault_from)
    await scene.proxies.change(BANK, Trouble(silent=True))
    scene.happened("silent", BANK)
    await scene.until(scene.pace.fault_to)
    await scene.proxies.change(BANK, Trouble(reset=True))  # what hung there will not come back
    await scene.proxies.change(BANK, NO_TROUBLE)
    scene.happened("answers again", BANK)


def capacity(pace: Pace) -> int:
    """How many charges the bank takes at once."""
    return ceil(pace.orders * (BANK_TAKES + SLOW) * TO_SPARE)


async def behave(scene: Scene, delay: float, capacity: int) -> None:
    """Have the bank be like that. Raises OSError where it does not listen to it."""
    client = Client(scene.launch.url(BANK), timeout=5.0)
    body = msgspec.json.encode({"delay": delay, "capacity": capacity, "failure_rate": 0.0, "down": False})
    answer = await client.ask("PUT", "/behaviour", body)
    client.close()
    if not 200 <= answer.status < 300:
        raise OSError(f"the bank does not take its behaviour: {answer.status} {answer.body[:200]!r}")
    scene.happened(f"takes {delay:g} s, {capacity} at once", BANK)


async def changed(scene: Scene, variation: str, watcher: Watcher) -> Redeployed:
    """The producer's interface changes, and its consumers follow: those first whom the variation names. Who follows has
    to, only if orders did not go well in between."""
    change, _, first = variation.partition("/")
    architecture, pace = scene.architecture, scene.pace
    refused = scene.gate(change) if scene.gate is not None else ""
    if refused:
        scene.happened(f"refused before deployment: {refused}", architecture.producer)
    ends = [(architecture.producer,), architecture.consumers]
    earlier, later = ends if first == "producer-first" else reversed(ends)
    await scene.until(pace.fault_from)
    await scene.deploy(earlier, change)
    ready = scene.now()
    await scene.until(max(pace.fault_to, ready + SEEN_FOR))
    well, all_ = watcher.completed(ready, scene.now() - SEEN_FOR / 2)
    needed = later if later == (architecture.producer,) or 2 * well <= all_ else ()
    await scene.deploy(needed, change)
    return Redeployed((*earlier, *needed), refused)


async def keeper_lost(scene: Scene, name: str) -> None:
    """Whoever keeps the orders is away: killed, where it is a process; else its file is locked against writing."""
    file = scene.launch.file(name)
    if file is None:
        await killed(scene, name)
        return
    await scene.until(scene.pace.fault_from)
    lock = await asyncio.to_thread(_locked, file)
    try:
        scene.happened("takes no writes", name)
        await scene.until(scene.pace.fault_to)
    finally:
        await asyncio.to_thread(lock.close)  # closing rolls back
    scene.happened("takes writes again", name)


def _locked(file: Path) -> sqlite3.Connection:
    lock = sqlite3.connect(file, timeout=LOCK_WITHIN, check_same_thread=False, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    return lock

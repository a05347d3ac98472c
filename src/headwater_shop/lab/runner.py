"""Carrying out a plan: start an architecture, let the load come, do harm, wait, and write down what was seen."""

import asyncio
import random
import shutil
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headwater.clock import Clock, SystemClock, to_datetime
from headwater.errors import HeadwaterError
from headwater_shop.architecture import BANK
from headwater_shop.lab import arrivals, faults, market, measure, recording
from headwater_shop.lab.arrivals import Arrival, Market
from headwater_shop.lab.client import Client
from headwater_shop.lab.faults import Gate, Scene
from headwater_shop.lab.launch import Launch, Launcher
from headwater_shop.lab.load import Now, Shoppers
from headwater_shop.lab.market import NotReady, Shelves
from headwater_shop.lab.plan import Pace, Planned, Session
from headwater_shop.lab.proxy import Proxies, proxies
from headwater_shop.lab.raw import Charged, Happened, Line, Run, Talked
from headwater_shop.lab.spoken import Speech
from headwater_shop.lab.watch import Watcher

BEGIN_IN: Final = 0.5  # seconds from the last preparation to the first arrival
BANK_WITHIN: Final = 10.0
STOCK_WITHIN: Final = 3.0
TRIES: Final = 2  # starts that a run is tried on


@dataclass(frozen=True)
class Progress:
    """A run is over, or could not be made: then `trouble` says why."""

    planned: Planned
    file: Path | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Lab:
    """How runs are made. `gates` are asked before an interface is changed, by the architecture's title."""

    launcher: Launcher
    pace: Pace
    folder: Path
    gates: Mapping[str, Gate] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)

    async def carry_out(self, sessions: Sequence[Session], told: Callable[[Progress], None]) -> None:
        """Make all runs; the raw data of each are in the folder when it is `told`."""
        for session in sessions:
            await self._session(session, told)

    async def _session(self, session: Session, told: Callable[[Progress], None]) -> None:
        """All runs of it. One that a start is not fit for any more is tried on a new start."""
        todo, tries = deque(session.runs), 0
        while todo:
            tries += 1
            try:
                async with AsyncExitStack() as stack:
                    stage = await self._stage(session, stack)
                    while todo:
                        lines = await stage.run(todo[0])
                        told(Progress(todo[0], recording.write(self.folder, todo[0].id, lines)))
                        todo.popleft()
                        tries = 0
            except* (NotReady, HeadwaterError, OSError, RuntimeError) as errors:
                if tries >= TRIES:
                    told(Progress(todo.popleft(), trouble=_said(errors)))
                    tries = 0

    async def _stage(self, session: Session, stack: AsyncExitStack) -> "Stage":
        folder = self.folder / "running" / session.architecture.title.replace("/", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        links = await stack.enter_async_context(proxies())
        launching = self.launcher(session.architecture, folder, between=links.between)
        launch = await stack.enter_async_context(launching)
        return Stage(self, launch, links)


def _said(errors: BaseExceptionGroup[Exception]) -> str:
    return "; ".join(f"{error.__class__.__name__}: {error}" for error in _leaves(errors))


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    return [
        leaf
        for each in group.exceptions
        for leaf in (_leaves(each) if isinstance(each, BaseExceptionGroup) else (each,))
    ]


@dataclass(frozen=True)
class Stage:
    """A started architecture, on which runs are made one after the other."""

    lab: Lab
    launch: Launch
    links: Proxies

    async def run(self, planned: Planned) -> list[Line]:
        """Make a run. Raises NotReady where the shop is not fit for it to begin."""
        ours, theirs = measure.cores()
        measure.bind(self._pids(planned).values(), ours)
        bank = {BANK: self.launch.pid(BANK)}
        measure.bind(bank.values(), theirs)
        pace, prefix, rng = self.lab.pace, planned.id, random.Random(planned.seed)
        client, watching = Client(self.launch.front, pace.timeout), Client(self.launch.front, pace.timeout)
        try:
            to_sell = await market.open_market(watching, rng, prefix)
            coming = drawn(rng, to_sell, pace, planned, prefix)
            return await _Run(self, planned, client, watching, ours).make(to_sell, coming, prefix)
        finally:
            client.close()
            watching.close()

    def _pids(self, planned: Planned) -> dict[str, int]:
        return {each.name: self.launch.pid(each.name) for each in planned.architecture.services}


def drawn(rng: random.Random, to_sell: Market, pace: Pace, planned: Planned, prefix: str) -> list[Arrival]:
    """Who comes, and what for."""
    burst = pace.burst if planned.fault == "F5" else None
    ordering = arrivals.times(rng, pace.orders, pace.load, burst)
    browsing = arrivals.times(rng, pace.browses, pace.load, burst)
    return [*arrivals.orders(rng, ordering, to_sell, prefix), *arrivals.looks(rng, browsing, to_sell)]


def _clock() -> Now:
    """Seconds since the beginning of the load, which is soon."""
    loop = asyncio.get_running_loop()
    zero = loop.time() + BEGIN_IN
    return lambda: loop.time() - zero


@dataclass
class _Run:
    """One run, while it is made."""

    stage: Stage
    planned: Planned
    client: Client
    watching: Client
    cores: set[int]
    lines: list[Line] = field(default_factory=list)

    async def make(self, to_sell: Market, coming: Sequence[Arrival], prefix: str) -> list[Line]:
        stage, pace = self.stage, self.stage.lab.pace
        watched = [*to_sell.items, *([to_sell.scarce] if to_sell.scarce else [])]
        shelves = await Shelves.counted(self.watching, watched)
        self.lines.append(self._first())
        before = {key: (link.requests, link.bytes) for key, link in stage.links.links.items()}
        speech = Speech.of(stage.launch)
        mark = await speech.mark() if speech else None
        now = _clock()
        scene = self._scene(now)
        await faults.behave(scene, faults.BANK_TAKES, faults.capacity(pace))
        watcher = Watcher(self.watching, now, self.lines.append)
        sampling = asyncio.create_task(measure.sample(self._pids, now, self.lines.append), name="samples")
        try:
            await self._load(scene, watcher, coming)
            await watcher.after(pace.patience, lambda: self._paid(prefix))
        finally:
            sampling.cancel()
        measure.take(self._pids, now, self.lines.append)
        self.lines += await self._booked(prefix)
        self.lines += await shelves.now(self.watching, watcher.dispatched(), STOCK_WITHIN)
        self.lines += [
            Talked(caller, callee, "http", link.requests - requests, link.bytes - bytes)
            for (caller, callee), link in stage.links.links.items()
            for requests, bytes in (before.get((caller, callee), (0, 0)),)
        ]
        if speech is not None and mark is not None:
            self.lines += await speech.since(mark)
        return self.lines

    async def _booked(self, prefix: str) -> list[Charged]:
        bank = Client(self.stage.launch.url(BANK), BANK_WITHIN)
        try:
            return await market.ledger(bank, prefix)
        finally:
            bank.close()

    async def _paid(self, prefix: str) -> set[str]:
        return {each.order_id for each in await self._booked(prefix)}

    async def _load(self, scene: Scene, watcher: Watcher, coming: Sequence[Arrival]) -> None:
        shoppers = Shoppers(self.client, scene.now, self.lines.append, watcher.answered)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watcher.during(), name="watcher")
            async with asyncio.TaskGroup() as both:
                both.create_task(shoppers.come(coming), name="shoppers")
                striking = both.create_task(self._strike(scene, watcher), name="fault")
            watching.cancel()
        if (told := striking.result()) is not None:
            self.lines.append(told)

    async def _strike(self, scene: Scene, watcher: Watcher) -> Line | None:
        """A fault that cannot be undone is part of what was seen; the start is not fit for another run then."""
        told: Line | None = None
        try:
            told = await faults.strike(scene, self.planned, watcher)
        except* (HeadwaterError, OSError, RuntimeError) as errors:
            scene.happened(f"the laboratory failed: {_said(errors)}", "")
        return told

    def _scene(self, now: Now) -> Scene:
        stage, planned = self.stage, self.planned

        def happened(what: str, service: str) -> None:
            self.lines.append(Happened(now(), what, service))

        gate = stage.lab.gates.get(planned.architecture.title)
        return Scene(
            planned.architecture, stage.launch, stage.links, stage.lab.pace, self.cores, now, happened, gate
        )  # fmt: skip

    def _pids(self) -> dict[str, int]:
        names = (*(each.name for each in self.planned.architecture.services), BANK)
        return {name: self.stage.launch.pid(name) for name in names}

    def _first(self) -> Run:
        planned, pace = self.planned, self.stage.lab.pace
        shaken = planned.fault != "F0"
        return Run(
            planned.id,
            planned.architecture.title,
            planned.fault,
            planned.variation,
            planned.repetition,
            planned.seed,
            pace.load,
            pace.orders,
            pace.browses,
            pace.fault_from if shaken else None,
            pace.fault_to if shaken else None,
            pace.time_scale,
            to_datetime(self.stage.lab.clock.now()).isoformat(),
            measure.machine(),
        )

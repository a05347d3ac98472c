"""Chaos: processes that are killed, stopped and started again at random, and what must hold in the end."""

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from chaos_app import CONSUMERS, app_of
from chaos_worker import read

from headwater import Runtime

WORKER = Path(__file__).with_name("chaos_worker.py")
STUCK_AFTER = 30.0  # seconds in which nothing moves


@dataclass
class Player:
    """A process in the play; it is started again whenever it was killed."""

    name: str
    command: Sequence[str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    stopped: bool = False
    kills: int = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.stopped = False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None
            self.kills += 1

    def pause(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)
            self.stopped = True

    def go_on(self) -> None:
        if self.process is not None and self.stopped:
            self.process.send_signal(signal.SIGCONT)
        self.stopped = False


class Broker(NamedTuple):
    """Where the broker is, on how many nodes it keeps a topic, and how it is killed and restarted if it is a server."""

    url: str
    replicas: int
    kill: Callable[[], None] | None
    restart: Callable[[], None] | None


@dataclass
class Play:
    """All players, and the broker."""

    folder: Path
    broker: Broker
    seed: int
    players: list[Player] = field(default_factory=list)
    logs: dict[str, Path] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder}/store.db"

    def cast(self) -> None:
        for kind, topic in (("recorder", "recorded"), ("sender", "sent")):
            for number in range(2):
                name = f"{kind}{number}"
                self.logs[name] = self.folder / f"{name}.log"
                keys = [f"{topic}-{number}-{key}" for key in range(5)]
                self.add(name, kind, str(self.logs[name]), *keys)
        for number in range(2):
            self.add(f"relay{number}", "relay", "-")
            self.add(f"consumer{number}", "consumer", "-")

    def add(self, name: str, role: str, *more: str) -> None:
        command = [sys.executable, str(WORKER), role, self.store, self.broker.url, str(self.broker.replicas), *more]
        self.players.append(Player(name, command, self.folder / f"{name}.out"))

    async def run(self, seconds: float) -> None:
        """Play for so long."""
        dice = random.Random(self.seed)
        for player in self.players:
            player.start()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        back: list[tuple[float, Callable[[], None]]] = []
        kill, restart, broken = self.broker.kill, self.broker.restart, False
        while loop.time() < end:
            await asyncio.sleep(dice.uniform(0.2, 0.8))
            for when, do in [each for each in back if each[0] <= loop.time()]:
                back.remove((when, do))
                do()
                broken = broken and do is not restart
            victim = dice.choice(self.players)
            if kill and restart and not broken and dice.random() < 0.1:
                self.note("broker killed")
                kill()
                broken = True
                back.append((loop.time() + dice.uniform(0.5, 2.0), restart))
            elif victim.process is not None and not victim.stopped:
                if dice.random() < 0.75:
                    self.note(f"{victim.name.rstrip('0123456789')} killed")
                    victim.kill()
                    back.append((loop.time() + dice.uniform(0.1, 1.5), victim.start))
                else:
                    self.note(f"{victim.name.rstrip('0123456789')} stopped")
                    victim.pause()
                    back.append((loop.time() + dice.uniform(1.0, 13.0), victim.go_on))
        for _, do in back:
            do()

    def note(self, fault: str) -> None:
        self.faults[fault] = self.faults.get(fault, 0) + 1

    async def settle(self) -> None:
        """Producers end; relays and consumers work off what is there."""
        for player in self.players:
            player.go_on()
            if player.name.startswith(("recorder", "sender")):
                player.kill()
        async with Runtime.open(
            app_of(self.broker.replicas), self.store, broker=self.broker.url, workers=False
        ) as runtime:
            loop = asyncio.get_running_loop()
            left, moved = await self._left(runtime), loop.time()
            while left:
                await asyncio.sleep(0.1)
                now = await self._left(runtime)
                if now != left:
                    left, moved = now, loop.time()
                assert loop.time() < moved + STUCK_AFTER, f"nothing moves: {left}; see {self.folder}"

    @staticmethod
    async def _left(runtime: Runtime) -> dict[str, int]:
        """How many positions the relay, and how many records each partition of a consumer is behind."""
        assert runtime.broker is not None
        relays = await runtime.delivery.relays()
        left = {"relay": await runtime.store.head() - relays.get("recorded", 0)}
        for topic, name in zip(("recorded", "sent"), CONSUMERS, strict=True):
            groups = {group.name: group for group in await runtime.broker.groups(topic)}
            if name in groups:
                left |= {f"{name}/{lag.partition} of {lag.member}": lag.records for lag in groups[name].lags}
            else:
                left[f"{name}: it has not begun"] = 1
        return {where: count for where, count in left.items() if count}

    def end(self) -> None:
        for player in self.players:
            player.go_on()
            player.kill()


def judge(play: Play) -> dict[str, int]:
    """Look at the ledgers with SQL of our own: for every key, the numbers from 0 on, each once, in order, at least as
    far as was acknowledged, and no further than was tried. Returns how many there are."""
    counts = {"acknowledged": 0, "noted": 0}
    told: dict[str, list[int]] = {}
    with closing(sqlite3.connect(play.folder / "store.db")) as file:
        for ledger in ("recorded_ledger", "sent_ledger"):
            for key, number in file.execute(f"SELECT k, n FROM {ledger} ORDER BY place"):
                told.setdefault(key, []).append(number)
    for log in play.logs.values():
        tried, acknowledged = read(log)
        for key, last in tried.items():
            numbers = told.get(key, [])
            assert numbers == list(range(len(numbers))), f"{key}: lost, doubled or out of order: {numbers}"
            assert acknowledged.get(key, -1) < len(numbers), f"{key}: {acknowledged[key]} was acknowledged: {numbers}"
            assert len(numbers) <= last + 1, f"{key}: {last} was the last that was tried: {numbers}"
            counts["acknowledged"] += acknowledged.get(key, -1) + 1
            counts["noted"] += len(numbers)
    return counts


@contextmanager
def playing(folder: Path, broker: Broker, seed: int) -> Iterator[Play]:
    """A play whose processes end with the block."""
    play = Play(folder, broker, seed)
    play.cast()
    try:
        yield play
    finally:
        play.end()

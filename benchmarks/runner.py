"""Runs a bench: the contenders' rounds interleaved (A, B, C, A, B, C, …), and nothing else at the same time."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.environments import ROOT, Unavailable, say
from benchmarks.player import Failed, Line, Player, player
from benchmarks.suite import Bench, Contender
from headwater.testing.postgres import PostgresServer

QUICK_ROUNDS = 3


class Run:
    """One run of one bench: `lines` holds what each contender measured, `problems` what was left out or failed."""

    def __init__(self, bench: Bench, quick: bool, server: PostgresServer | None = None) -> None:
        self.bench = bench
        self._server = server
        self.lines: dict[str, list[Line]] = {each.name: [] for each in (bench.ours, *bench.rivals)}
        self.problems: list[str] = []
        self.failed = False
        self._quick = quick
        self._players: dict[str, Player] = {}

    def play(self, work: Path) -> None:
        """Plays all rounds, in a folder of its own below `work`, gone afterwards."""
        folder = Path(tempfile.mkdtemp(prefix=f"{self.bench.name}-", dir=work))
        rounds = min(self.bench.rounds, QUICK_ROUNDS) if self._quick else self.bench.rounds
        try:
            self._invite(folder)
            for number in range(1, rounds + 1):
                for name in list(self._players):
                    self._round(name, f"{number}/{rounds}", folder)
        finally:
            for each in self._players.values():
                each.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _invite(self, folder: Path) -> None:
        try:
            bench = with_data(self.bench)
        except Unavailable as reason:
            self._problem(f"left out: {reason}")
            return
        for number, each in enumerate((bench.ours, *bench.rivals)):
            try:
                self._players[each.name] = player(bench, each, folder / str(number), self._quick)
                self._add_database(folder / str(number))
            except Unavailable as reason:
                self._problem(f"{each.name} left out: {reason}")

    def _round(self, name: str, number: str, folder: Path) -> None:
        directory = Path(tempfile.mkdtemp(prefix="round-", dir=folder))
        database = self._add_database(directory)
        try:
            line = self._players[name].play(directory)
        except Failed as reason:
            self.failed = True
            self.lines[name].clear()  # a median of the rounds before would hide it
            self._players.pop(name).close()
            self._problem(f"{name} FAILED: {reason}")
        else:
            self.lines[name].append(line)
            say(f"{self.bench.name}  {number}  {name}: {shown(line)}")
        finally:
            shutil.rmtree(directory, ignore_errors=True)
            if self._server and database:
                self._server.drop_database(database)

    def _add_database(self, directory: Path) -> str:
        """An empty database for a directory, where the bench wants one; its address."""
        if self._server is None:
            return ""
        url = self._server.create_database()
        (directory / "postgres").write_text(url)
        self._server.execute("CHECKPOINT")  # what others have written is nobody's burden
        return url

    def _problem(self, text: str) -> None:
        self.problems.append(f"!! {self.bench.name}: {text}")
        say(self.problems[-1])


def with_data(bench: Bench) -> Bench:
    """The bench with its data file's path for a mode, if it needs one."""
    if not bench.data:
        return bench
    path = ROOT / bench.data
    if not path.exists():
        raise Unavailable(f"{bench.data} is not there")
    ours: Contender = replace(bench.ours, mode=str(path.resolve()))
    return replace(bench, ours=ours)


def shown(line: Line) -> str:
    return ", ".join(f"{value:,.1f}" if key == "value" else f"{key} {value:,.2f}" for key, value in line.items())

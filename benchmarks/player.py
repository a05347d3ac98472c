"""A contender's process, from its start to its end."""

import json
import subprocess
import sys
import threading
from pathlib import Path

from benchmarks.environments import ROOT, Unavailable, emmett_folder, peers_python
from benchmarks.suite import Bench, Contender

PATIENCE = 900
"""Seconds that a contender may take for a round, its set-up included, before it counts as failed."""

Line = dict[str, float]
"""What a contender prints for one round."""


class Failed(Exception):
    """A contender ended in mid-round; says what it wrote last."""


class Player:
    """Starts its process, which sets itself up, at its first round, so that nobody else's is disturbed."""

    def __init__(self, command: list[str], cwd: Path, folder: Path) -> None:
        self._command = command
        self._cwd = cwd
        self._errors = folder / "stderr"
        self._process: subprocess.Popen[str] | None = None

    def play(self, directory: Path) -> Line:
        process = self._process = self._process or self._start()
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            line = ask(process, str(directory))
            found: Line = json.loads(line)
        except ValueError:
            raise Failed(f"printed {line!r}; {self._errors.read_text()[-2_000:]}") from None
        finally:
            watchdog.cancel()
        return found

    def close(self) -> None:
        """The end of its input is the end of its work; one that doesn't listen is killed."""
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()

    def _start(self) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        with self._errors.open("w") as errors:
            return subprocess.Popen(self._command, cwd=self._cwd, stdin=pipe, stdout=pipe, stderr=errors, text=True)


def ask(process: "subprocess.Popen[str]", line: str) -> str:
    """The process's answer to a line; empty once it has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
    except BrokenPipeError:
        return ""
    return process.stdout.readline()


def player(bench: Bench, contender: Contender, folder: Path, quick: bool) -> Player:
    """Raises Unavailable where the contender's script or environment isn't there."""
    command, cwd = start(bench, contender)
    folder.mkdir()
    mode = [contender.mode] if contender.mode else []
    return Player([*command, *mode, "--dir", str(folder), *(["--quick"] if quick else [])], cwd, folder)


def start(bench: Bench, contender: Contender) -> tuple[list[str], Path]:
    """The command that starts a contender, and the folder to start it in."""
    if contender.home == "emmett":
        return ["node", str(script(contender.script))], emmett_folder()
    script(f"{contender.script}.py")
    python = sys.executable if contender.home == "product" else str(peers_python())
    module = f"benchmarks.contenders.{contender.script}"
    if bench.http:  # the load comes from the peers' environment for all servers alike, Headwater's too
        return [str(peers_python()), "-m", "benchmarks.http_round", python, module], ROOT
    return [python, "-m", module], ROOT


def script(name: str) -> Path:
    path = ROOT / "benchmarks" / "contenders" / name
    if not path.exists():
        raise Unavailable(f"{path.relative_to(ROOT)} is not there")
    return path

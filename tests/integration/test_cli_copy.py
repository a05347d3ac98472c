"""`headwater store copy`: there and back, interrupted, and refused."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from bank import Deposit, Deposited, accounts, balances, expected
from proxy import Proxy, proxy

from headwater import App, Reaction, Runtime, Schedule, open_store
from headwater.app import open_stores
from headwater.cli.copying import copy
from headwater.cli.program import run as run_command
from headwater.errors import Conflict
from headwater.messages import Metadata, NewEvent, Write
from headwater.reactions.port import ReactionStore, Timer
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
    execute(server_url, "SELECT nextval('{}.event_position') FROM generate_series(1, 50)")
    run(append_one(server_url))
    there = f"sqlite:///{tmp_path}/copy.db"
    assert command("store", "copy", server_url, there) == 0
    assert exported(there, tmp_path / "b") == exported(server_url, tmp_path / "a")
    run(positions_of(there, [199, 200, 251]))


def execute(url: str, sql: str) -> None:
    """SQL where {} is the store's schema."""
    place, _, schema = url.partition("?schema=")
    with psycopg.connect(place, autocommit=True) as connection:
        connection.execute(sql.replace("{}", schema).encode())


async def append_one(url: str) -> None:
    async with await open_store(url) as store:
        await store.append(Write("after the gap", [NewEvent("noted", b"{}")]))


async def positions_of(url: str, last: list[int]) -> None:
    async with await open_store(url) as store:
        assert [event.position for event in (await store.read(after=198)).events] == last


def test_positions_that_were_drawn_in_the_target_are_not_drawn_again(server_url: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    run(fill(source, 200))
    assert command("store", "migrate", "--store", server_url) == 0
    execute(server_url, "SELECT nextval('{}.event_position') FROM generate_series(1, 300)")  # by appends undone since
    assert command("store", "copy", source, server_url) == 0
    run(append_one(server_url))
    run(positions_of(server_url, [199, 200, 301]))


# -- cut short


async def cut_short(source: str, target: str, behind: Proxy) -> None:
    """A copy that is killed where the proxy falls silent."""
    copying = await asyncio.create_subprocess_exec(PROGRAM, "store", "copy", source, target, stderr=subprocess.DEVNULL)
    try:
        await behind.silent.wait()
    finally:
        copying.kill()
        await copying.wait()


@asynchronous
async def test_a_killed_copy_to_postgresql_goes_on(postgres: PostgresServer, server_url: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    await fill(source)
    async with proxy(postgres.port, silent_at=b'{"n":1500}') as behind:
        await cut_short(source, server_url.replace(f":{postgres.port}/", f":{behind.port}/"), behind)
    async with await open_store(server_url) as store:
        assert await store.head() == 1_000
    assert (await copy(source, server_url)).present == 1_000
    await assert_equal(source, server_url)


@asynchronous
async def test_a_killed_copy_to_sqlite_goes_on(postgres: PostgresServer, server_url: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/target.db"
    await fill(server_url)
    async with proxy(postgres.port, silent_at=b'{"n":1500}') as behind:
        await cut_short(server_url.replace(f":{postgres.port}/", f":{behind.port}/"), target, behind)
    async with await open_store(target) as store:
        assert await store.head() == 1_000
    assert (await copy(server_url, target)).present == 1_000
    await assert_equal(server_url, target)


async def assert_equal(one: str, other: str) -> None:
    assert await contents(one) == await contents(other)


async def contents(url: str) -> tuple[object, ...]:
    """All that is copied, read by other ways than the copy's."""
    stores = await open_stores(url, create=False)
    async with stores.events as store:
        events, receipts = (await store.read(limit=100_000)).events, await store.receipts(limit=100_000)
        kept = stores.reactions
        found = list(events), receipts, await kept.checkpoints(), list(await kept.due_timers(1 << 60))
        await stores.views.close()
    return found


# -- not the same


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {}.event SET data = '7' WHERE position = 5",
        "DELETE FROM {}.event WHERE position = 5",
        "UPDATE {}.append SET fingerprint = 'g' WHERE id = 'append-200'",
        "INSERT INTO {}.append SELECT 'z', first, last, versions, fingerprint FROM {}.append LIMIT 1",
    ],
)
def test_a_target_that_was_tampered_with_is_found_out(
    change: str, server_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    run(fill(source))
    assert command("store", "copy", source, server_url) == 0
    execute(server_url, change)  # further back than the copy looks before it begins
    assert command("store", "copy", source, server_url) == 1
    assert "the copy differs" in capsys.readouterr().err


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


# -- what reactions keep


def timer(key: str, due: int) -> Timer:
    return Timer(key, f"id of {key}", due, "account.open", b'{"account":"a","owner":"o"}', Metadata(actor="me"))


@contextlib.asynccontextmanager
async def reactions_of(url: str) -> AsyncIterator[ReactionStore]:
    stores = await open_stores(url)
    async with stores.events:
        yield stores.reactions
        await stores.views.close()


@pytest.fixture(params=["to postgresql", "to sqlite"])
def both(request: pytest.FixtureRequest, server_url: str, tmp_path: Path) -> tuple[str, str]:
    """Source and target."""
    there = f"sqlite:///{tmp_path}/there.db", server_url
    return there if request.param == "to postgresql" else (there[1], there[0])


@asynchronous
async def test_a_second_copy_follows_a_source_that_ran_on(both: tuple[str, str]) -> None:
    source, target = both
    await fill(source, 100)
    async with reactions_of(source) as kept:
        await kept.move("r", 50)
        for each in (timer("fires", 1), timer("moves", 2), timer("stays", 3)):
            await kept.put_timer(each)
    await copy(source, target)
    await assert_equal(source, target)
    await append_one(source)
    async with reactions_of(source) as kept:
        await kept.move("r", 101)
        await kept.remove_timer("fires")
        for each in (timer("moves", 9), timer("new", 4)):
            await kept.put_timer(each)
    await copy(source, target)
    await assert_equal(source, target)


@asynchronous
async def test_a_target_whose_reactions_have_gone_further_is_left_alone(both: tuple[str, str]) -> None:
    source, target = both
    await fill(source, 100)
    await copy(source, target)
    async with reactions_of(target) as kept:
        await kept.move("r", 50)
        await kept.put_timer(timer("its own", 1))
    before = await contents(target)
    await append_one(source)
    with pytest.raises(Conflict, match="'r' has gone further"):
        await copy(source, target)
    assert await contents(target) == before


@pytest.mark.parametrize(("table", "column"), [("timer", "due"), ("checkpoint", "position")])
@asynchronous
async def test_what_reactions_keep_is_compared_as_well(
    table: str, column: str, server_url: str, tmp_path: Path
) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    async with reactions_of(source) as kept:
        await kept.move("r", 50)
        await kept.put_timer(timer("t", 1))
    async with await open_store(server_url):
        spoil = f"BEGIN NEW.{column} := NEW.{column} - 1; RETURN NEW; END"
        execute(server_url, f"CREATE FUNCTION {{}}.spoil() RETURNS trigger LANGUAGE plpgsql AS $${spoil}$$")
        trigger = f"CREATE TRIGGER spoil BEFORE INSERT ON {{}}.{table}"
        execute(server_url, f"{trigger} FOR EACH ROW EXECUTE FUNCTION {{}}.spoil()")
    with pytest.raises(Conflict, match="the copy differs"):
        await copy(source, server_url)

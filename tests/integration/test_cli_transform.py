"""`headwater store transform`: a new store out of an old one, interrupted, and refused."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bank import Deposit, Deposited, accounts, balances, expected
from parcels import PAST

from headwater import App, Reaction, Runtime, Schedule, open_store
from headwater.cli.program import run as run_command
from headwater.errors import StreamClosed, StreamTruncated
from headwater.messages import Envelope, Metadata, NewEvent, Receipt, Write
from headwater.store.archive import to_line
from headwater.store.removal import REMOVALS, Cut
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous, run

KILLED = Path(__file__).with_name("killed.py")
Transform = Callable[..., Any]


@pytest.fixture(params=["to postgresql", "to sqlite"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Source and target."""
    server: PostgresServer = request.getfixturevalue("postgres")
    there = f"sqlite:///{tmp_path}/there.db", request.getfixturevalue("new_schema")(server)
    return there if request.param == "to postgresql" else (there[1], there[0])


@pytest.fixture
def transform(both: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> Transform:
    """The command from source to target: its facts, or what it says where its exit code is to be another."""

    def work(function: str, *arguments: str, code: int = 0) -> Any:
        given = ["--with", f"changes:{function}"] if function else []
        returned = run_command(["store", "transform", *both, *given, *arguments, "--json"])
        said = capsys.readouterr()
        assert returned == code, said.err
        return said.err if code else json.loads(said.out)

    return work


async def fill(url: str, events: int = 100) -> None:
    async with await open_store(url) as store:
        meta = Metadata("correlation", "causation", "", "ann")
        for n in range(events):
            event = NewEvent("noted", b'{"n":%d}' % (n % 10), tags=(f"tag:{n % 4}",), metadata=meta, time=1_000 + n)
            await store.append(Write(f"s-{n % 3}", [event]), id=f"append-{n:05}", fingerprint="f")


async def contents(url: str) -> list[Envelope]:
    async with await open_store(url, create=False) as store:
        return list((await store.read(limit=100_000)).events)


async def receipts(url: str) -> dict[str, Receipt]:
    async with await open_store(url, create=False) as store:
        return {each.id: each for each in await store.receipts(limit=100_000)}


def test_the_same_is_the_same(transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(fill(source))
    done = transform("same")
    events = run(contents(source))
    assert run(contents(target)) == events
    assert run(receipts(target)) == run(receipts(source))
    assert (done["source"], done["events"], done["receipts"], done["receipts_left_out"]) == (100, 100, 100, 0)
    assert done["sha256"] == hashlib.sha256(b"".join(to_line(event) + b"\n" for event in events)).hexdigest()
    assert transform("same")["present"] == 100


def test_events_go_split_move_and_change(transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(fill(source))
    assert transform("fewer")["events"] == 100
    old, new = run(contents(source)), run(contents(target))
    assert [event.position for event in new] == list(range(1, 101))
    assert {event.type for event in new} == {"counted", "half", "noted"}
    assert len([event for event in new if event.stream == "threes"]) == 10
    versions: dict[str, int] = {}
    for event in new:
        versions[event.stream] = versions.get(event.stream, 0) + 1
        assert event.stream_version == versions[event.stream]
    first, five = new[0], [event for event in new if event.type == "half"][:2]
    assert (first.id, first.time, first.metadata, first.tags) == (old[0].id, old[0].time, old[0].metadata, old[0].tags)
    assert [each.id for each in five] == [old[5].id, f"{old[5].id}/1"]
    assert [(each.stream, each.data, each.type_version, each.time) for each in five] == [
        (old[5].stream, b"{}", 1, old[5].time), (old[5].stream, b"[]", 2, old[5].time)
    ]  # fmt: skip
    assert run_command(["store", "verify", "--store", target]) == 0


def test_ids_count_where_events_stay_one_for_one(transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(fill(source))
    done = transform("fewer")
    assert (done["receipts"], done["receipts_left_out"]) == (80, 20)
    events, kept = {event.id: event for event in run(contents(target))}, run(receipts(target))
    for number, old in enumerate(run(contents(source))):
        receipt = kept.get(f"append-{number:05}")
        if number % 10 in (5, 7):
            assert receipt is None
        else:
            new = events[old.id]
            assert receipt == Receipt(f"append-{number:05}", new.position, new.position, (new.stream_version,), "f")


@asynchronous
async def test_ids_of_appends_to_several_streams(both: tuple[str, str]) -> None:
    source, target = both
    async with await open_store(source) as store:
        one, seven = NewEvent("noted", b'{"n":1}'), NewEvent("noted", b'{"n":7}')
        await store.append(Write("a", [seven, one]), Write("b", [one]), id="loses one")
        await store.append(Write("a", [one, one]), Write("b", [one]), id="stays")
        await store.append(Write("a", [one]), Write("c", []), id="asks of one more")
    arguments = ["store", "transform", source, target, "--with", "changes:fewer"]
    assert await asyncio.to_thread(run_command, arguments) == 0
    async with await open_store(target) as store:
        assert await store.receipts() == [Receipt("stays", 3, 5, (3, 2))]


def test_an_apps_upcasters_are_baked_in(transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(parcels(source))
    transform("", "--app", "changes:APP")
    new = run(contents(target))
    assert {(event.type, event.type_version) for event in new} == {
        ("parcel.sent", 3), ("parcel.delivered", 1), ("parcel.signed", 1)
    }  # fmt: skip
    assert "say how" in transform("", code=2)


async def parcels(url: str) -> None:
    async with await open_store(url) as store:
        for stream, events in PAST.items():
            await store.append(Write(stream, events))


@asynchronous
async def test_reactions_do_not_act_again(both: tuple[str, str]) -> None:
    source, target = both
    acted: list[str] = []

    def act(happened: Deposited) -> list[Schedule]:
        acted.append(happened.account)
        return [Schedule("bonus", Deposit("ann", 5), after=timedelta(days=1))] if happened.pence == 1 else []

    app = App("bank", deciders=[accounts], views=[balances], reactions=[Reaction("act", act)])
    async with Runtime.open(app, source) as runtime:
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
    arguments = ["store", "transform", source, target, "--with", "changes:same"]
    assert await asyncio.to_thread(run_command, arguments) == 0
    async with Runtime.open(app, target) as runtime:
        await runtime.execute(Deposit("bob", 2))
        await runtime.idle()
        assert acted == ["ann", "bob"]
        rows = {row.account: (row.owner, row.pence, row.events) for row in await runtime.find(balances)}
        assert rows == await expected(runtime.store)


# -- cut short


@pytest.mark.parametrize(
    ("place", "number"), [("STORE.restore", 2), ("STORE.restore", 3), ("headwater.cli.transforming:_verify", 1)]
)
def test_one_that_was_killed_goes_on(place: str, number: int, transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(fill(source, 2_500))
    kind = "postgres.store:Postgres" if target.startswith("postgres") else "sqlite.store:Sqlite"
    place = place.replace("STORE", f"headwater.adapters.{kind}Store")
    arguments = ["store", "transform", source, target, "--with", "changes:fewer"]
    program = [sys.executable, str(KILLED), place, str(number), "after", *arguments]
    done = subprocess.run(program, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    present = len(run(contents(target)))
    assert present in (2_000, 2_500)
    assert "other events" in transform("other", code=1)
    done_now = transform("fewer")
    assert (done_now["present"], done_now["events"], done_now["receipts"]) == (present, 2_500, 2_000)
    lines = b"".join(to_line(each) + b"\n" for each in run(contents(target)))
    assert hashlib.sha256(lines).hexdigest() == done_now["sha256"]


# -- what was removed


@asynchronous
async def test_what_was_removed_is_not_forgotten(both: tuple[str, str]) -> None:
    source, target = both
    await fill(source)
    async with await open_store(source) as store:
        await store.remove(Cut("s-1", 5))
        await store.close_stream("s-2")
    arguments = ["store", "transform", source, target, "--with", "changes:fewer"]
    assert await asyncio.to_thread(run_command, arguments) == 1
    assert await asyncio.to_thread(run_command, [*arguments, "--without-archived"]) == 0
    assert await asyncio.to_thread(run_command, [*arguments, "--without-archived"]) == 0
    async with await open_store(target) as store:
        with pytest.raises(StreamTruncated):
            await store.load("s-1")
        with pytest.raises(StreamClosed):
            await store.append(Write("s-2", [NewEvent("noted", b"{}")]))
        assert len(await store.read_stream(REMOVALS)) == 2
        assert (await store.read_stream("s-1"))[0].stream_version == 5


# -- refused


@pytest.mark.parametrize(
    ("function", "words", "code"),
    [
        ("failing", "position 8 (noted) cannot be transformed: ValueError: seven", 2),
        ("of_another_kind", "the function gave a str", 2),
        ("unsound", "malformed data of event 'noted'", 2),
        ("nothing", "'nothing' in module 'changes' is not there", 2),
        ("NOT_A_FUNCTION", "is a int, not a function", 2),
    ],
)
def test_what_the_function_cannot_do_is_said(
    function: str, words: str, code: int, transform: Transform, both: tuple[str, str]
) -> None:
    run(fill(both[0]))
    said = transform(function, code=code)
    assert words in " ".join(said.replace("│", " ").split())


def test_a_target_that_holds_something_else_is_left_alone(transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(fill(source))
    run(fill(target, 10))
    before = run(contents(target))
    assert "other events" in transform("fewer", code=1)
    assert run(contents(target)) == before


def test_a_target_that_went_on_is_left_alone(transform: Transform, both: tuple[str, str]) -> None:
    source, target = both
    run(fill(source))
    transform("same")
    run(fill_more(target))
    assert "goes on to position" in transform("same", code=1)


async def fill_more(url: str) -> None:
    async with await open_store(url) as store:
        await store.append(Write("more", [NewEvent("noted", b"{}")]))


def test_a_source_that_is_not_there(transform: Transform, both: tuple[str, str], tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/nowhere.db"
    assert run_command(["store", "transform", nowhere, both[1], "--with", "changes:same"]) == 1
    assert not (tmp_path / "nowhere.db").exists()

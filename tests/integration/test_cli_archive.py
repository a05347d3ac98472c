"""`headwater store archive` and `restore`: there and back, refused, and damaged."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bank import Deposit, Open, accounts, balances

from headwater import App, Runtime, open_store
from headwater.adapters.archive.store import ArchiveStore
from headwater.cli.program import run as run_command
from headwater.errors import StoreCorrupt, StreamTruncated
from headwater.messages import Envelope, Metadata, NewEvent, Write
from headwater.store.archive import manifest_of, to_line
from headwater.store.removal import REMOVALS
from headwater.testing.running import asynchronous, run

DAY = 86_400_000_000
ODD = NewEvent("odd", b' {"a":\n [1, 1.0, "\\u00e9"]} ', 7, ("x:1", "y"), Metadata("c", "d", "t", "me"), "own id", 5)
APP = App("bank", deciders=[accounts], views=[balances])
Command = Callable[..., str]


@pytest.fixture
def command(kept_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """What `headwater store …` prints, on either stream; its exit code must be `code`."""
    monkeypatch.setenv("HEADWATER_STORE", kept_url)

    def work(*arguments: str, code: int = 0) -> str:
        returned = run_command(["store", *arguments])
        said = "".join(capsys.readouterr())
        assert returned == code, said
        return said

    return work


async def fill(url: str) -> None:
    """Ten streams, of ten days."""
    async with await open_store(url) as store:
        for day in range(10):
            at = (day + 1) * DAY
            for n in range(10):
                event = NewEvent("noted", b'{"n":%d}' % n, tags=(f"day:{day}",), time=at + n)
                await store.append(Write(f"s-{n}", [event]), id=f"append-{day}-{n}")
        await store.append(Write("odd", [ODD]))


async def contents(url: str) -> list[Envelope]:
    async with await open_store(url, create=False) as store:
        return list((await store.read(limit=1_000)).events)


def archived(command: Command, *arguments: str) -> Any:
    """What it says of itself, before what it says to people."""
    return json.JSONDecoder().raw_decode(command("archive", *arguments, "--yes", "--json"))[0]


def test_a_stream_goes_and_comes_back(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    before, file = run(contents(kept_url)), tmp_path / "s-3.ndjson"
    done = archived(command, str(file), "--stream", "s-3", "--actor", "ann")
    assert (done["events"], done["removed"], done["first"], done["last"]) == (
        10,
        10,
        before[3].position,
        before[93].position,
    )
    lines = b"".join(to_line(event) + b"\n" for event in before if event.stream == "s-3")
    assert file.read_bytes() == lines
    manifest = json.loads(manifest_of(file).read_text())
    assert manifest["sha256"] == done["sha256"]
    assert (manifest["events"], manifest["stream"], manifest["bytes"]) == (10, "s-3", len(lines))
    left = run(contents(kept_url))
    assert left[:-1] == [event for event in before if event.stream != "s-3"]
    assert (left[-1].stream, left[-1].metadata.actor) == (REMOVALS, "ann")
    command("verify")
    assert archived(command, str(file), "--stream", "s-3")["removed"] == 0
    assert json.loads(command("restore", str(file), "--json"))["put_back"] == 10
    assert run(contents(kept_url))[: len(before)] == before
    assert json.loads(command("restore", f"archive:///{file}", "--json"))["present"] == 10
    command("verify")


def test_all_that_is_old_goes_and_comes_back(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    before = run(contents(kept_url))
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert archived(command, one, "--before", "1970-01-04")["removed"] == 20
    assert archived(command, two, "--before", "1970-01-09")["removed"] == 50
    assert archived(command, str(tmp_path / "three"), "--before", "1970-01-09")["events"] == 0
    assert not (tmp_path / "three").exists()
    left = run(contents(kept_url))
    assert [event for event in left if event.stream != REMOVALS] == before[70:]
    assert "are gone" in command("restore", one, code=1)
    command("restore", two)
    command("restore", one)
    assert run(contents(kept_url))[: len(before)] == before
    command("verify")


def test_events_come_back_to_the_byte(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    before, file = run(contents(kept_url)), tmp_path / "odd"
    archived(command, str(file), "--stream", "odd")
    assert run(contents(f"archive:///{file}")) == before[-1:]
    assert before[-1].data == ODD.data
    command("restore", str(file))
    assert run(contents(kept_url))[: len(before)] == before


def test_an_archive_is_a_store(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    before = run(contents(kept_url))
    archived(command, str(tmp_path / "a"), "--before", "1970-01-04")
    there, copied = f"archive:///{tmp_path}/a", f"sqlite:///{tmp_path}/copy.db"
    assert json.loads(command("info", "--store", there, "--json"))["events"] == 20
    assert len(command("read", "--store", there, "--type", "noted", "--tag", "day:1", "--json").splitlines()) == 10
    assert json.loads(command("verify", "--store", there, "--json"))["sound"]
    command("export", "--store", there, str(tmp_path / "export"))
    assert (tmp_path / "export").read_bytes() == (tmp_path / "a").read_bytes()
    command("copy", there, copied)
    assert run(contents(copied)) == before[:20]
    run(fill(copied))
    assert "cannot take events" in command("copy", copied, there, code=1)


def test_a_part_of_a_stream_that_was_cut_before(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    archived(command, str(tmp_path / "a"), "--stream", "s-1", "--before-version", "4")
    assert archived(command, str(tmp_path / "b"), "--stream", "s-1", "--before", "1970-01-07")["removed"] == 2
    for there in (f"archive:///{tmp_path}/b", kept_url):
        copied = f"sqlite:///{tmp_path}/copy-{there == kept_url}.db"
        command("copy", there, copied)
        command("verify", "--store", copied)
        assert run(contents(copied)) == run(contents(there))


def test_a_closed_stream_stays_closed(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    assert archived(command, str(tmp_path / "a"), "--stream", "s-1", "--close")["closed"]
    run(refused(kept_url))
    command("restore", str(tmp_path / "a"))
    run(refused(kept_url))


async def refused(url: str) -> None:
    async with await open_store(url) as store:
        with pytest.raises(Exception, match="stream 's-1' is closed"):
            await store.append(Write("s-1", [NewEvent("noted", b"{}")]))


# -- in Parquet


def test_in_parquet_all_is_the_same(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    before, file = run(contents(kept_url)), tmp_path / "it's all.parquet"
    done = archived(command, str(file), "--before", "2000-01-01")
    assert done["removed"] == len(before)
    assert run(contents(f"archive:///{file}")) == before
    sql = "SELECT count(*), min(position), max(stream_version) FROM read_parquet(?) WHERE stream = 's-1'"
    assert duckdb.execute(sql, [str(file)]).fetchone() == (10, before[1].position, 10)
    assert archived(command, str(file), "--before", "2000-01-01")["removed"] == 0
    command("restore", str(file))
    assert run(contents(kept_url))[: len(before)] == before
    flipped(file)
    assert "the hash of its content is another one" in command("restore", str(file), code=1)
    assert sorted(each.name for each in tmp_path.glob("it*")) == [file.name, manifest_of(file).name]


def test_parquet_needs_an_extra(
    command: Command, kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fill(kept_url))
    monkeypatch.setitem(sys.modules, "duckdb", None)
    monkeypatch.delitem(sys.modules, "headwater.adapters.archive.parquet", raising=False)
    monkeypatch.delattr("headwater.adapters.archive.parquet", raising=False)
    said = command("archive", str(tmp_path / "a.parquet"), "--stream", "s-1", "--yes", code=1)
    assert "pip install 'headwater[parquet]'" in said
    assert len(run(contents(kept_url))) == 101


# -- refused


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["--stream", "nothing"], "unknown stream 'nothing'", 2),
        ([], "say which events", 2),
        (["--before", "yesterday"], "is no time", 2),
        (["--before", "1970-01-04", "--close"], "are about one --stream", 2),
        (["--before-version", "3"], "are about one --stream", 2),
        (["--stream", "s-1", "--before", "1970-01-04", "--before-version", "3"], "not both", 2),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: list[str], words: str, code: int, command: Command, kept_url: str, tmp_path: Path
) -> None:
    run(fill(kept_url))
    before = run(contents(kept_url))
    said = command("archive", str(tmp_path / "a"), *arguments, "--yes", code=code)
    assert words in " ".join(said.replace("│", " ").split())
    assert run(contents(kept_url)) == before
    assert not list(tmp_path.glob("a*"))


def test_who_does_not_say_yes_keeps_all(
    command: Command, kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fill(kept_url))
    before = run(contents(kept_url))
    monkeypatch.setattr("typer.confirm", lambda *_, **__: (_ for _ in ()).throw(SystemExit(1)))
    command("archive", str(tmp_path / "a"), "--stream", "s-1", code=1)
    assert run(contents(kept_url)) == before


def test_a_file_that_is_there_is_left_alone(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    file = tmp_path / "a"
    file.write_text("mine")
    assert "is no archive" in command("archive", str(file), "--stream", "s-1", "--yes", code=2)
    assert file.read_text() == "mine"
    archived(command, str(tmp_path / "b"), "--stream", "s-1")
    assert "something else" in command("archive", str(tmp_path / "b"), "--stream", "s-2", "--yes", code=2)
    nowhere = tmp_path / "no" / "folder"
    assert "cannot write" in command("archive", str(nowhere), "--stream", "s-2", "--yes", code=1)
    assert len(run(contents(kept_url))) == 101 - 10 + 1


def test_what_somebody_has_yet_to_read_stays(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(bank(kept_url))
    run(fill(kept_url))
    arguments = str(tmp_path / "a"), "--stream", "s-1", "--yes"
    assert "view 'balances' has come to position" in command("archive", *arguments, code=1)
    assert len([event for event in run(contents(kept_url)) if event.stream == "s-1"]) == 10
    command("archive", *arguments, "--despite-lag")
    assert not [event for event in run(contents(kept_url)) if event.stream == "s-1"]


async def bank(url: str) -> None:
    async with Runtime.open(APP, url) as runtime:
        await runtime.execute(Open("ann", "Ann"))
        for _ in range(3):
            await runtime.execute(Deposit("ann", 5), id="one")
            await runtime.execute(Deposit("ann", 5))
        await runtime.idle()


def test_a_store_that_differs_from_the_archive_keeps_its_events(
    command: Command, kept_url: str, tmp_path: Path
) -> None:
    run(fill(kept_url))
    archived(command, str(tmp_path / "a"), "--stream", "s-1")
    other = f"sqlite:///{tmp_path}/other.db"
    run(fill(other))
    assert "is another one" in command(
        "archive", str(tmp_path / "a"), "--stream", "s-1", "--yes", "--store", other, code=1
    )
    assert "is another one" in command("restore", str(tmp_path / "a"), "--store", other, code=1)
    assert len(run(contents(other))) == 101


# -- what folds


@asynchronous
async def test_nothing_is_folded_in_part(kept_url: str, command: Command, tmp_path: Path) -> None:
    await bank(kept_url)
    async with Runtime.open(APP, kept_url) as runtime:
        rows = await runtime.find(balances)
        first = await runtime.execute(Deposit("ann", 5), id="one")
        stream = first.stream
    run_in = [str(tmp_path / "a"), "--stream", stream, "--before-version", "4"]
    await asyncio.to_thread(archived, command, *run_in)
    async with Runtime.open(APP, kept_url) as runtime:
        with pytest.raises(StreamTruncated, match="store restore"):
            await runtime.execute(Deposit("ann", 5))
        assert await runtime.find(balances) == rows
        again = await runtime.execute(Deposit("ann", 5), id="one")
        assert (again.repeated, again.position, again.events) == (True, first.position, ())
    await asyncio.to_thread(command, "restore", str(tmp_path / "a"))
    async with Runtime.open(APP, kept_url) as runtime:
        assert (await runtime.execute(Deposit("ann", 5), id="one")).events == first.events
        assert (await runtime.execute(Deposit("ann", 5))).version == first.version + 4


def test_a_view_is_not_built_anew_without_what_is_gone(
    command: Command, kept_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(bank(kept_url))
    archived(command, str(tmp_path / "a"), "--stream", "account-ann")
    rebuild = ["view", "rebuild", "test_cli_archive:APP", "balances"]
    assert run_command(rebuild) == 1
    assert "view 'balances' would lack what was removed: 1 stream has" in capsys.readouterr().err
    assert run_command([*rebuild, "--without-archived"]) == 0
    assert run(count(kept_url)) == 0


async def count(url: str) -> int:
    async with Runtime.open(APP, url, workers=False) as runtime:
        return await runtime.count(balances)


# -- damaged


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])


def longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + file.read_bytes())


def without_manifest(file: Path) -> None:
    manifest_of(file).unlink()


def with_half_a_manifest(file: Path) -> None:
    cut_off(manifest_of(file))


def with_another_count(file: Path) -> None:
    manifest_of(file).write_text(manifest_of(file).read_text().replace('"events": 10', '"events": 9'))


DAMAGES = [flipped, cut_off, longer, without_manifest, with_half_a_manifest, with_another_count]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_is_refused(
    damage: Callable[[Path], None], command: Command, kept_url: str, tmp_path: Path
) -> None:
    run(fill(kept_url))
    file = tmp_path / "a"
    archived(command, str(file), "--stream", "s-1")
    damage(file)
    for arguments in (["restore", str(file)], ["info", "--store", f"archive:///{file}"]):
        assert f"archive:///{file}: " in command(*arguments, code=1)
    with pytest.raises(StoreCorrupt):
        run(ArchiveStore.open(file))
    assert not [event for event in run(contents(kept_url)) if event.stream == "s-1"]


@asynchronous
async def test_an_archive_that_is_damaged_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    await fill(url)
    file = tmp_path / "a"
    arguments = ["store", "archive", "--store", url, str(file), "--stream", "s-1", "--yes"]
    assert await asyncio.to_thread(run_command, arguments) == 0
    async with await ArchiveStore.open(file) as archive:
        flipped(file)
        assert await archive.check() == ["it is not what was written: the hash of its content is another one"]
        cut_off(file)
        with pytest.raises(StoreCorrupt):
            await archive.read()


def test_nowhere_is_no_archive(command: Command, kept_url: str, tmp_path: Path) -> None:
    run(fill(kept_url))
    assert "there is no such file" in command("restore", str(tmp_path / "nowhere"), code=1)
    assert "there is no such file" in command("info", "--store", f"archive:///{tmp_path}/nowhere", code=1)

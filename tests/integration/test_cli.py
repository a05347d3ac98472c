"""The `headwater` command: what it prints, what it returns, and how it says no."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import apsw
import pytest
import typer

from headwater.app import Runtime, open_store
from headwater.cli import opening, plugins, program
from headwater.messages import Metadata, NewEvent, Write

APP = """
from headwater import App, Decider, Rejected, View, command, event

@event("tally.counted")
class Counted:
    tally: str
    by: int

@command("tally.count")
class Count:
    tally: str
    by: int

class Total:
    pass

import msgspec

class Row(msgspec.Struct, frozen=True):
    tally: str
    total: int = 0

def decide(command: Count, state: int) -> list[Counted]:
    if command.by < 1:
        raise Rejected("count up", code="not_up")
    return [Counted(command.tally, command.by)]

def evolve(state: int, event: Counted) -> int:
    return state + event.by

def show(row: Row, event: Counted) -> Row:
    return Row(row.tally, row.total + event.by)

tallies = Decider("tally", initial=int, decide=decide, evolve=evolve, stream=lambda c: c.tally)
totals = View("totals", key=lambda e: e.tally, initial=Row, evolve=show)
app = App("tallies", deciders=[tallies], views=[totals])
number = 42
"""
STORE = "sqlite:///tallies.db"


class Command:
    """Runs the command in this process."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture
        self.said = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it printed; what it said on stderr is in `said`."""
        self.capture.readouterr()
        returned = program.run(arguments)
        out, self.said = self.capture.readouterr()
        assert returned == code, f"{out}\n{self.said}"
        return out

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))

    def lines(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json").splitlines()]


@pytest.fixture
def headwater(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an application in it, as the current one."""
    (tmp_path / "tally_app.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delenv("HEADWATER_STORE", raising=False)
    yield tmp_path
    sys.modules.pop("tally_app", None)


@pytest.fixture
def filled(here: Path) -> Path:
    """The same, with five commands executed."""

    async def fill() -> None:
        app = opening.load_app("tally_app:app")
        count = sys.modules["tally_app"].Count
        async with Runtime.open(app, STORE) as runtime:
            for number in range(1, 6):
                await runtime.execute(count(f"t{number % 2}", number), metadata=Metadata(actor="ann"))
            await runtime.idle()

    asyncio.run(fill())
    return here


# -- store


def test_info(filled: Path, headwater: Command) -> None:
    facts = headwater.json("store", "info", "--store", STORE)
    assert facts["events"] == 5
    assert facts["durable"] is True
    assert facts["first_recorded"] <= facts["last_recorded"]
    assert facts["bytes"] == (filled / "tallies.db").stat().st_size
    assert "5" in headwater("store", "info", "--store", STORE)


def test_the_store_can_come_from_the_environment(
    filled: Path, headwater: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_STORE", STORE)
    assert headwater.json("store", "info")["store"] == STORE


def test_read_prints_cloud_events(filled: Path, headwater: Command) -> None:
    events = headwater.lines("store", "read", "--store", STORE, "--limit", "2")
    assert [event["position"] for event in events] == ["1", "2"]
    first = events[0]
    assert first["specversion"] == "1.0"
    assert (first["type"], first["subject"], first["streamversion"]) == ("tally.counted", "tally-t1", 1)
    assert first["data"] == {"tally": "t1", "by": 1}
    assert first["actor"] == "ann"


def test_read_chooses(filled: Path, headwater: Command) -> None:
    def positions(*options: str) -> list[int]:
        return [int(event["position"]) for event in headwater.lines("store", "read", "--store", STORE, *options)]

    assert positions("--stream", "tally-t0") == [2, 4]
    assert positions("--stream", "tally-t0", "--after", "1") == [4]
    assert positions("--after", "3") == [4, 5]
    assert positions("--type", "tally.counted", "--limit", "3") == [1, 2, 3]
    assert positions("--type", "other") == []
    assert positions("--tag", "none") == []


def test_read_for_people(filled: Path, headwater: Command) -> None:
    out = headwater("store", "read", "--store", STORE)
    assert "tally-t1 @1" in out
    assert '{"tally":"t1","by":1}' in out
    headwater("store", "read", "--store", STORE, "--type", "other")
    assert "no such events" in headwater.said


def test_verify_counts_what_is_sound(filled: Path, headwater: Command) -> None:
    facts = headwater.json("store", "verify", "--store", STORE)
    assert facts["sound"] is True
    assert (facts["events"], facts["streams"], facts["position"]) == (5, 2, 5)
    assert facts["types"] == {"tally.counted v1": 5}


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE event SET data = '{' WHERE position = 3", "position 3 .*its data is not JSON"),
        ("DELETE FROM event WHERE position = 3", "position 5 .*stream version 3 comes after 1"),
        ("UPDATE event SET meta = '{' WHERE position = 2", "position 2 cannot be read"),
    ],
)
def test_verify_finds_damage(filled: Path, headwater: Command, damage: str, problem: str) -> None:
    connection = apsw.Connection(str(filled / "tallies.db"))
    connection.execute(damage)
    connection.close()
    facts = headwater.json("store", "verify", "--store", STORE, code=1)
    assert facts["sound"] is False
    assert any(re.search(problem, found) for found in facts["problems"])


def test_verify_and_salvage_get_around_a_ruined_page(filled: Path, headwater: Command) -> None:
    file = filled / "tallies.db"
    connection = apsw.Connection(str(file))
    page: Any = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event_of_stream'").get
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    file.write_bytes(content)
    facts = headwater.json("store", "verify", "--store", STORE, code=1)
    assert facts["events"] == 5
    assert any(problem.startswith("SQLite: ") for problem in facts["problems"])
    assert headwater.json("store", "export", "all.ndjson", "--salvage", "--store", STORE)["events"] == 5


# -- views


def test_views_are_listed(filled: Path, headwater: Command) -> None:
    (build,) = headwater.json("view", "list", "--store", STORE)
    assert build == {"view": "totals", "version": 1, "live": True, "position": 5, "lag": 0}
    assert "totals" in headwater("view", "list", "--store", STORE)


def test_rows_of_a_view(filled: Path, headwater: Command) -> None:
    rows = headwater.json("view", "show", "totals", "--store", STORE)
    assert sorted(rows, key=lambda row: row["tally"]) == [{"tally": "t0", "total": 6}, {"tally": "t1", "total": 9}]
    assert headwater.json("view", "show", "totals", "--store", STORE, "--where", "total=6") == [rows[0]]
    assert headwater.json("view", "show", "totals", "--store", STORE, "--limit", "1") == [rows[0]]
    headwater("view", "show", "totals", "--store", STORE, "--where", "tally=none")
    assert "no such rows" in headwater.said


def test_a_view_that_is_not_there(filled: Path, headwater: Command) -> None:
    headwater("view", "show", "others", "--store", STORE, code=2)
    assert "unknown view 'others'; known: totals" in headwater.said
    headwater("view", "rebuild", "tally_app:app", "others", "--store", STORE, code=2)
    assert "unknown view 'others'" in headwater.said


def test_a_view_is_built_anew(filled: Path, headwater: Command) -> None:
    before = headwater.json("view", "show", "totals", "--store", STORE)
    facts = headwater.json("view", "rebuild", "tally_app:app", "totals", "--store", STORE)
    assert (facts["view"], facts["position"]) == ("totals", 5)
    assert headwater.json("view", "show", "totals", "--store", STORE) == before
    assert len(headwater.json("view", "list", "--store", STORE)) == 1


# -- no


@pytest.mark.parametrize("command", ["info", "read", "verify", "export"])
def test_no_store_there(here: Path, headwater: Command, command: str) -> None:
    headwater("store", command, "--store", "sqlite:///absent.db", code=1)
    assert headwater.said.startswith("error: absent.db: there is no such file; check the address")
    assert not (here / "absent.db").exists()


def test_an_address_that_is_none(here: Path, headwater: Command) -> None:
    headwater("store", "info", "--store", "absent.db", code=2)
    assert "give 'sqlite:///file.db'" in headwater.said


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("absent:app", "no module 'absent'"),
        ("tally_app:absent", "there is tally_app:app"),
        ("tally_app:number", "is a int, not an App; there is tally_app:app"),
        (":app", "names no module"),
    ],
)
def test_an_application_that_is_none(here: Path, headwater: Command, target: str, says: str) -> None:
    headwater("run", target, code=2)
    assert says in re.sub(r"[\s│]+", " ", headwater.said)


def test_a_module_that_fails_keeps_its_traceback(here: Path) -> None:
    (here / "broken_app.py").write_text("import absent_library")
    with pytest.raises(ModuleNotFoundError, match="absent_library"):
        program.run(["run", "broken_app:app"])


@pytest.mark.parametrize("arguments", [["store"], ["nonsense"], ["store", "info"], ["store", "read", "--limit", "0"]])
def test_usage(here: Path, headwater: Command, arguments: list[str]) -> None:
    headwater(*arguments, code=2)


@pytest.mark.parametrize("command", [[], ["run"], ["store"], ["store", "export"], ["view", "rebuild"]])
def test_help(headwater: Command, command: list[str]) -> None:
    assert "Usage: headwater" in headwater(*command, "--help")


def test_version(headwater: Command) -> None:
    assert re.fullmatch(r"headwater \d+\.\d+\.\d+\S*\n", headwater("--version"))


def test_benches_explain_themselves(headwater: Command) -> None:
    assert "usage: headwater bench" in headwater("bench", "--help")


# -- other packages' commands


def _plugins(monkeypatch: pytest.MonkeyPatch, **found: str) -> None:
    entries = [EntryPoint(name, value, plugins.GROUP) for name, value in found.items()]
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries)


def hello(name: str = "you") -> None:
    """Greet."""
    print(f"hello {name}")


group = typer.Typer(help="A group.")
group.command("one")(hello)
group.command("two")(hello)
nothing = 3


def test_a_function_and_a_typer_plug_in(headwater: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _plugins(monkeypatch, hello=f"{__name__}:hello", more=f"{__name__}:group")
    assert headwater("hello", "--name", "there") == "hello there\n"
    assert headwater("more", "two") == "hello you\n"
    assert "Greet." in headwater("--help")


@pytest.mark.parametrize("value", ["absent_module:x", f"{__name__}:absent", f"{__name__}:nothing"])
def test_a_broken_plugin_hurts_nobody_else(headwater: Command, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    _plugins(monkeypatch, broken=value, hello=f"{__name__}:hello")
    assert headwater("hello") == "hello you\n"
    assert "warning: the command 'broken'" in headwater.said
    headwater("broken", "any", "--thing", code=1)
    assert "error: the command 'broken'" in headwater.said


def test_a_plugin_cannot_take_a_name_that_is_taken(headwater: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _plugins(monkeypatch, store=f"{__name__}:hello")
    assert "Look into a store" in headwater("--help")
    assert "there is already" in headwater.said


# -- as a process


def _start(here: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from headwater.cli import main; main()", *arguments]
    return subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_tail_prints_what_is_recorded_and_ends_with_ctrl_c(filled: Path) -> None:
    async def record() -> None:
        async with await open_store(STORE) as store:
            await store.append(Write("other", [NewEvent("other.done", b"{}")]))

    with _start(filled, "store", "tail", "--store", STORE, "--after", "4", "--json") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["position"] == "5"
        asyncio.run(record())
        assert json.loads(process.stdout.readline())["type"] == "other.done"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_and_ends_clean(here: Path, stop: signal.Signals) -> None:
    with _start(here, "run", "tally_app:app", "--port", "0", "--json") as process:
        assert process.stdout
        facts = json.loads(process.stdout.readline())
        assert (facts["app"], facts["store"]) == ("tallies", STORE)
        with urllib.request.urlopen(_post(facts["address"], {"tally": "a", "by": 2})) as answer:
            assert answer.status < 300
        process.send_signal(stop)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert (here / "tallies.db").exists()


def _post(address: str, body: dict[str, Any]) -> urllib.request.Request:
    headers = {"Content-Type": "application/json"}
    return urllib.request.Request(f"{address}/commands/tally.count", json.dumps(body).encode(), headers)


def test_run_says_that_the_port_is_taken(here: Path, headwater: Command) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        headwater("run", "tally_app:app", "--port", str(taken.getsockname()[1]), code=1)
    assert "error: " in headwater.said
    assert "cannot listen on 127.0.0.1" in headwater.said


def test_without_the_extra_the_command_says_what_to_install(here: Path) -> None:
    code = "import sys, importlib.util as u; f = u.find_spec\n"
    code += "u.find_spec = lambda name, *rest: None if name == 'typer' else f(name, *rest)\n"
    code += "from headwater.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the headwater command needs the extra 'cli': pip install 'headwater[cli]'\n"

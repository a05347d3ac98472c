"""`headwater store state`, `view state` and `snapshot`: as a user runs them, on SQLite and PostgreSQL."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bank import Account, Deposit, Deposited, Opened, accounts, record
from cli_running import Cli
from parcels import PAST

from headwater import App, ManualClock, Runtime, Snapshots, Write
from headwater.cli import program
from headwater.testing.running import run

ROOT = Path(__file__).parents[2]

APPS = """
from dataclasses import replace
from bank import accounts, balances
from headwater import App, Snapshots
from parcels import TOPIC, app_of
app = App("bank", deciders=[replace(accounts, snapshots=Snapshots(every=2))], views=[balances])
post = app_of(topics=[TOPIC])
"""


@dataclass
class Command:
    """The command in this process."""

    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What it printed, and what it said on stderr."""
        self.capture.readouterr()
        returned = program.run(arguments)
        out, said = self.capture.readouterr()
        assert returned == code, f"{out}\n{said}"
        return out, said

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments)[0])


@pytest.fixture
def declared(kept_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with applications in it, whose store the command finds."""
    (tmp_path / "declared.py").write_text(APPS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("HEADWATER_STORE", kept_url)
    run(fill(kept_url))
    yield tmp_path
    sys.modules.pop("declared", None)


@pytest.fixture
def headwater(declared: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


async def fill(url: str) -> None:
    """A day of the bank's before the parcels, and one behind them."""
    clock = ManualClock(datetime(2024, 1, 1, tzinfo=UTC))
    app = App("bank", deciders=[replace(accounts, snapshots=Snapshots(every=2))])
    async with Runtime.open(app, url, clock=clock) as runtime:
        await record(runtime.store, Opened("ann", "Ann"), Deposited("ann", 5))
        clock.advance(86_400)
        for stream, events in PAST.items():
            await runtime.store.append(Write(stream, events))
        clock.advance(86_400)
        await runtime.execute(Deposit("ann", 7))


ANN: dict[str, Any] = {"account": "ann", "owner": "Ann", "pence": 5, "events": 2}


@pytest.mark.parametrize("what", [("store", "state", "account-ann"), ("view", "state", "balances", "ann")])
def test_what_was_and_what_is_different(headwater: Command, what: tuple[str, ...]) -> None:
    def ask(*more: str) -> Any:
        return headwater.json(*what, "--app", "declared", *more)

    nothing = {"account": "", "owner": None, "pence": 0, "events": 0} if what[0] == "store" else None
    now = {**ANN, "pence": 12, "events": 3}
    assert ask() == ask("--at", "9") == ask("--at", "12345") == ask("--at", "2024-01-03") == now
    assert ask("--at", "2") == ask("--at", "8") == ask("--at", "2024-01-02T12:00+01:00") == ANN
    assert ask("--at", "0") == ask("--at", "2023-12-31") == nothing
    changed = {"pence": {"from": 5, "to": 12}, "events": {"from": 2, "to": 3}}
    assert ask("--diff", "2", "9") == ask("--diff", "2024-01-01", "2024-02-01") == changed
    assert ask("--diff", "3", "4") == {}
    assert ask("--diff", "0", "1")["owner"] == ({"from": None, "to": "Ann"} if nothing else {"to": "Ann"})


def test_as_a_process_of_its_own(declared: Path, kept_url: str) -> None:
    cli = Cli(declared)
    path = os.pathsep.join((str(ROOT / "src"), str(Path(__file__).parent), str(declared)))
    cli.environment |= {"HEADWATER_STORE": kept_url, "PYTHONPATH": path}
    assert json.loads(cli("store", "state", "account-ann", "--app", "declared", "--at", "2").stdout) == ANN
    assert "there is no stream" in cli("store", "state", "account-bob", "--app", "declared", code=2).stderr


def test_old_events_of_an_application_with_topics(headwater: Command) -> None:
    for what in (("store", "state", "parcel-1"), ("view", "state", "parcels", "1")):
        first = headwater.json(*what, "--app", "declared:post", "--at", "3")
        assert (first["to"], first["grams"], first["by"]) == ("Ann", 100, "")
        found = headwater.json(*what, "--app", "declared:post", "--diff", "3", "5")
        assert found == {"delivered": {"from": 0, "to": 1}, "by": {"from": "", "to": "Bob"}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("store", "state", "account-bob"), "there is no stream 'account-bob'"),
        (("store", "state", "parcel-1"), "unknown decider 'parcel'; known: account"),
        (("store", "state", "account-ann", "--at", "soon"), "'soon' is no time"),
        (("store", "state", "account-ann", "--at", "-1"), "'-1' is no time"),
        (("store", "state", "account-ann", "--at", "1", "--diff", "1", "2"), "give either --at or --diff"),
        (("view", "state", "nothing", "ann"), "unknown keyed view 'nothing'; known: balances"),
        (("view", "state", "balances", "ann", "--at", "2024-13-01"), "'2024-13-01' is no time"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused(headwater: Command, arguments: tuple[str, ...], said: str) -> None:
    assert said in " ".join(headwater(*arguments, "--app", "declared", code=2)[1].split())


def test_snapshots_are_listed_and_dropped(headwater: Command) -> None:
    (row,) = headwater.json("snapshot", "list", "--json")
    state = Account("ann", "Ann", 12, 3)
    assert row == {
        "stream": "account-ann", "decider": "account", "fold": 1, "version": 3, "position": 9,
        "bytes": len(json.dumps(vars_of(state), separators=(",", ":"))),
    }  # fmt: skip
    assert headwater("snapshot", "list", "--after", "account-ann")[1] == "no such snapshots\n"
    assert "name a stream, or give --all" in headwater("snapshot", "drop", code=2)[1]
    assert headwater.json("snapshot", "drop", "account-bob", "--json") == {"dropped": 0}
    assert headwater.json("snapshot", "drop", "account-ann", "--json") == {"dropped": 1}
    assert headwater.json("snapshot", "drop", "--all", "--json") == {"dropped": 0}
    assert headwater.json("store", "state", "account-ann", "--app", "declared") == vars_of(state)


def vars_of(state: Account) -> dict[str, Any]:
    return {"account": state.account, "owner": state.owner, "pence": state.pence, "events": state.events}

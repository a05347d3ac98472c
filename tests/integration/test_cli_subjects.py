"""`headwater forget` and `headwater subject report`, and --keys elsewhere: as a user runs them, on both stores."""

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from people import app, contacts, register

from headwater import Runtime
from headwater.cli import program
from headwater.testing.running import run

FOLDER = str(Path(__file__).parent)
Command = Callable[..., tuple[str, str]]


@pytest.fixture
def addresses(request: pytest.FixtureRequest, kept_url: str, tmp_path: Path) -> tuple[str, str]:
    """A store in which two people are, and its keys."""
    keys = f"sqlite:///{tmp_path}/keys.db"
    if kept_url.startswith("postgresql"):
        keys = request.getfixturevalue("new_schema")(request.getfixturevalue("postgres"))
    run(_fill(kept_url, keys))
    return kept_url, keys


async def _fill(store: str, keys: str) -> None:
    async with Runtime.open(app, store, keys=keys) as runtime:
        await runtime.execute(register("ann", "MARK-ann"))
        await runtime.execute(register("bob", "MARK-bob"))
        await runtime.idle()


@pytest.fixture
def command(addresses: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """What the command prints, and what it says on stderr."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("HEADWATER_STORE", addresses[0])
    monkeypatch.setenv("HEADWATER_KEYS", addresses[1])

    def work(*arguments: str, code: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        returned = program.run(arguments)
        out, said = capsys.readouterr()
        assert returned == code, f"{out}\n{said}"
        return out, said

    return work


def asked(command: Command, *arguments: str) -> Any:
    return json.loads(command(*arguments, "--json")[0])


def test_a_person_is_told_and_then_forgotten(command: Command) -> None:
    of = ("ann", "--app", "people:app")
    told = asked(command, "subject", "report", *of)
    assert (told["subject"], [each["data"]["name"] for each in told["events"]]) == ("ann", ["Name MARK-ann"])
    assert [each["view"] for each in told["rows"]] == ["contacts", "contacts_now", "mailings"]
    lines = [json.loads(line) for line in command("subject", "report", *of)[0].splitlines()]
    assert [*lines[0], *lines[1]] == ["event", "row"]
    assert lines[0]["event"] == told["events"][0]
    done = asked(command, "forget", *of, "--by", "the officer")
    assert (done["subject"], done["views"], done["left"]) == ("ann", ["contacts", "contacts_now", "mailings"], [])
    assert asked(command, "forget", *of) == done
    assert asked(command, "subject", "report", *of) == {"subject": "ann", "events": [], "rows": []}
    shown = command("view", "show", "contacts")[0]
    assert "MARK-bob" in shown
    assert "MARK-ann" not in shown
    assert "ann" in command("store", "read", "--type", "headwater.subject_forgotten")[0]
    assert "MARK" not in command("store", "read", "--json")[0]


def test_who_asks_is_recorded(command: Command) -> None:
    command("forget", "bob", "--app", "people:app")
    events = [json.loads(line) for line in command("store", "read", "--json")[0].splitlines()]
    assert events[-1]["actor"] == events[-1]["data"]["by"] == getpass.getuser()


def test_whoever_is_not_known_ends_with_a_line(command: Command) -> None:
    for asking in (("forget",), ("subject", "report")):
        said = command(*asking, "nobody", "--app", "people:app", code=2)[1]
        assert "'nobody'" in said
        assert said.count("\n") == 1


def test_keys_must_be_there(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = f"sqlite:///{tmp_path}/no.db"
    assert "no.db" in command("forget", "ann", "--app", "people:app", "--keys", missing, code=1)[1]
    assert not (tmp_path / "no.db").exists()
    monkeypatch.delenv("HEADWATER_KEYS")
    assert "keys=" in command("view", "rebuild", "people:app", "contacts", code=1)[1]


def test_what_is_left_is_warned_of(command: Command) -> None:
    said = command("forget", "ann", "--app", "people:smaller")[1]
    assert "warning" in said
    assert "contacts" in said


def test_other_commands_take_keys(command: Command) -> None:
    assert asked(command, "view", "rebuild", "people:app", "contacts")["view"] == "contacts"
    state = json.loads(command("store", "state", "person-ann", "--app", "people:app")[0])
    assert state["name"] == "Name MARK-ann"
    row = json.loads(command("view", "state", contacts.name, "ann", "--app", "people:app")[0])
    assert row["email"] == "MARK-ann@example.org"

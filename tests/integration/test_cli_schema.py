"""`headwater schema`, as a user runs it, in a project of their own."""

import json
import subprocess
from pathlib import Path

import pytest
from cli_running import COMPILED, HEADWATER, SECONDS

from headwater import NewEvent, Write, open_store
from headwater.testing.running import asynchronous

BEFORE = """
from headwater import App, SqlView, Topic, event

@event("order.placed", owner="sales", example={"id": "1", "sum": 2})
class Placed:
    id: str
    sum: int

@event("order.shipped")
class Shipped:
    id: str

def evolve(event: Placed | Shipped) -> list[tuple[str, list[str]]]:
    return []

app = App("orders", views=[SqlView("sales", {}, evolve)], topics=[Topic("parcels", events=(Shipped,))])
"""
AFTER = BEFORE.replace("sum: int", "total: int").replace('"sum": 2', '"total": 2')
IMPORTS = "event\nfrom headwater.upcasting import renamed, upcast\n"
MENDED = (
    AFTER.replace('"order.placed",', '"order.placed", version=2,')
    .replace("event\n", IMPORTS, 1)
    .replace("(Shipped,))])", "(Shipped,))], upcasters=[upcast('order.placed', 1, renamed('sum', 'total'))])")
)


class Project:
    """A user's folder with a module `orders`, and a store."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder = folder
        self.store = store

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [*HEADWATER, "schema", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=SECONDS,
            env={"PATH": "", "NO_COLOR": "1", "HEADWATER_STORE": self.store, "PYTHONDONTWRITEBYTECODE": "1"} | COMPILED,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def write(self, text: str) -> None:
        (self.folder / "orders.py").write_text(text)


@pytest.fixture
def project(tmp_path: Path, kept_url: str) -> Project:
    made = Project(tmp_path, kept_url)
    made.write(BEFORE)
    return made


@pytest.fixture
def alone(tmp_path: Path) -> Project:
    """A project that needs no store."""
    made = Project(tmp_path, "")
    made.write(BEFORE)
    return made


def test_a_change_is_refused_until_it_is_mended(alone: Project) -> None:
    assert "make it with `headwater schema snapshot" in alone("check", "orders:app", code=2)
    assert "2 versions of 2 event types of 'orders'" in alone("snapshot", "orders:app")
    first = (alone.folder / "schemas.json").read_bytes()
    assert "up to date" in alone("snapshot", "orders:app")
    assert "compatible" in alone("check", "orders:app")

    alone.write(AFTER)
    told = alone("check", "orders:app", code=1)
    assert "order.placed: field `total` is needed now" in told
    assert "raise the version to 2 and add upcast('order.placed', 1, renamed('sum', 'total'))" in told
    assert "view sales" in told
    assert '{"id":"","sum":0}' in told
    [found] = json.loads(alone("check", "orders:app", "--json", code=1))["breaks"]
    assert (found["type"], found["version"], found["field"], found["rule"]) == ("order.placed", 1, "total", "missing")
    sarif = json.loads(alone("check", "orders:app", "--sarif", code=1))
    [result] = sarif["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "orders.py"}, "region": {"startLine": 4},
    }  # fmt: skip
    assert "--force" in alone("snapshot", "orders:app", code=1)
    assert (alone.folder / "schemas.json").read_bytes() == first
    assert "compatible" in alone("check", "orders:app", "--stored", "none")
    assert "compatible" in alone("check", "orders:app", "--stored", "NONE", "--published", "FULL")

    alone.write(MENDED)
    assert "compatible" in alone("check", "orders:app")
    alone("snapshot", "orders:app")
    alone.write(AFTER)
    assert "2 incompatible" in alone("check", "orders:app", code=1), "version 2 is gone, and what led there from 1"
    alone("snapshot", "orders:app", "--force")
    assert "compatible" in alone("check", "orders:app")


def test_a_file_that_is_none_is_told_in_a_line(alone: Project) -> None:
    (alone.folder / "schemas.json").write_text("no")
    assert "malformed snapshot of schemas" in alone("check", "orders:app", code=1)


@asynchronous
async def test_stored_events_are_verified(project: Project) -> None:
    data = [b'{"id":"1","sum":1}', b'{"id":"2"}']
    async with await open_store(project.store) as store:
        await store.append(Write("o", [NewEvent("order.placed", each) for each in data]))
        await store.append(Write("o", [NewEvent("stock.counted", b"{}")]))
    found = json.loads(project("verify", "orders:app", "--json", code=1))
    assert (found["sound"], found["events"], found["events_per_second"] > 0) == (False, 3, True)
    assert [(each["type"], each["failed"], each["of"], each["first_position"]) for each in found["failures"]] == [
        ("order.placed", 1, 2, 2), ("stock.counted", 1, 1, 3),
    ]  # fmt: skip
    assert found["failures"][1]["reason"] == "unknown type"
    assert "missing required field `sum`" in project("verify", "orders:app", "--sample", "5", code=1)
    assert "missing" in project("drift", "orders:app", code=1)


def test_documents_come_out(alone: Project) -> None:
    document = json.loads(alone("asyncapi", "orders:app", "--app-version", "7"))
    assert (document["info"], list(document["channels"])) == ({**document["info"], "version": "7"}, ["parcels"])
    assert "order.placed" in alone("catalog", "orders:app")
    assert alone("catalog", "orders:app", "--markdown").startswith("# Events of orders\n")
    assert [each["owner"] for each in json.loads(alone("catalog", "orders:app", "--json"))] == ["sales", ""]
    assert "page.html: 2 event types" in alone("catalog", "orders:app", "--html", "page.html")
    assert (alone.folder / "page.html").read_text().startswith("<!doctype html>")


def test_drift_of_a_topic(alone: Project, tmp_path: Path) -> None:
    broker = f"sqlite:///{tmp_path}/topics.db"

    def stream(*arguments: str, stdin: str = "") -> None:
        command = [*HEADWATER, "stream", *arguments, "--broker", broker]
        subprocess.run(command, input=stdin.encode(), check=True, timeout=SECONDS, capture_output=True)

    stream("create", "parcels")
    stream("publish", "parcels", "--header", "ce-type=order.shipped", stdin='{"id":"1","by":"van"}\n' * 3)
    told = alone("drift", "orders:app", "parcels", "--broker", broker, code=1)
    assert "unknown field" in told
    assert "3 looked at" in told
    assert "unknown topic 'none'" in alone("drift", "orders:app", "none", "--broker", broker, code=2)

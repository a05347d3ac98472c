"""The example of docs/versioning.md: it runs as it stands, and what the page says about it is so."""

import importlib.util
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from headwater import NewEvent, Runtime, Unknown, Write
from headwater.errors import DeclarationError, ViewStopped
from headwater.testing.running import asynchronous

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "versions.py"
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "versioning.md").read_text(), re.MULTILINE | re.DOTALL)
NEWER = NewEvent("book.lent", b'{"book":"Emma","loan":7}', type_version=4)


def run_it(folder: Path) -> str:
    environment = {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error", "PATH": ""}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def versions() -> ModuleType:
    found = importlib.util.spec_from_file_location("versions", EXAMPLE)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_it_runs_as_a_user_would_run_it(tmp_path: Path) -> None:
    said = "Reader(reader='Ada', books=('Persuasion',), branch='Harbour', owes=40)\n"
    assert run_it(tmp_path) == said
    assert run_it(tmp_path) == said, "the same id counts once"


def test_the_page_shows_its_history_word_for_word() -> None:
    assert BLOCKS[0] in EXAMPLE.read_text()
    assert BLOCKS[0].startswith("HISTORY = [")


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_version_of_which_nothing_is_said_is_refused(versions: ModuleType, number: int) -> None:
    history = [each for n, each in enumerate(versions.HISTORY) if n != number]
    with pytest.raises(DeclarationError, match=r"what became of version|lead nowhere"):
        replace(versions.app, upcasters=history)


@asynchronous
async def test_a_view_stops_before_what_it_does_not_know_and_goes_on_after_an_update(
    versions: ModuleType, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/years.db"
    async with Runtime.open(versions.app, url) as library:
        await library.store.append(Write("library", [*versions.OLD, NEWER, *versions.OLD[-1:]]))
        with pytest.raises(ViewStopped, match=r"book\.lent \(version 4\)"):
            await library.idle()
    updated = replace(versions.app, upcasters=[*versions.HISTORY, versions.retired("book.lent", 4)])
    async with Runtime.open(updated, url) as library:
        await library.idle()
        assert (await library.get(versions.readers, "Ada")).owes == 40


@asynchronous
async def test_a_view_that_may_skip_goes_on_without_it(versions: ModuleType) -> None:
    lenient = replace(versions.readers, unknown=Unknown.SKIP)
    async with Runtime.open(replace(versions.app, views=[lenient])) as library:
        await library.store.append(Write("library", [*versions.OLD[:-1], NEWER, versions.OLD[-1]]))
        await library.idle()
        assert (await library.get(lenient, "Ada")).books == ("Persuasion",)

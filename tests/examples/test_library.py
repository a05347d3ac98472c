"""The README's example: it runs as it stands, and what the README says about it is so."""

import asyncio
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from headwater import Rejected, Runtime
from headwater.http import http_app, serving
from headwater.testing.specification import spec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "library.py"
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def run_it(folder: Path) -> str:
    environment = {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error", "PATH": ""}
    command = [sys.executable, str(EXAMPLE)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def library() -> ModuleType:
    found = importlib.util.spec_from_file_location("library", EXAMPLE)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_it_runs_as_a_user_would_run_it(tmp_path: Path) -> None:
    said = "Book(title='Walden', reader='Ada', times_lent=1)\n"
    assert run_it(tmp_path) == said
    assert run_it(tmp_path) == said, "the same id counts once"
    assert (tmp_path / "library.db").is_file()


def test_the_readme_shows_it_word_for_word() -> None:
    assert EXAMPLE.read_text() == BLOCKS[0]


def test_it_has_forty_lines_at_most() -> None:
    assert sum(bool(line.strip()) for line in BLOCKS[0].splitlines()) <= 40


def test_the_readmes_specification_holds(library: ModuleType) -> None:
    assert len(BLOCKS) == 3
    names = {**vars(library), "spec": spec}
    exec(BLOCKS[1], names)
    with pytest.raises(AssertionError, match="already_lent"):
        exec(BLOCKS[1].replace('code="already_lent"', 'code="another"'), names)


def test_its_rules_hold(library: ModuleType) -> None:
    async def main() -> None:
        async with Runtime.open(library.app) as runtime:
            await runtime.execute(library.Lend("Walden", "Ada"))
            with pytest.raises(Rejected, match="Walden is with Ada"):
                await runtime.execute(library.Lend("Walden", "Bob"))
            await runtime.idle()
            assert await runtime.find(library.shelf, where={"reader": "Ada"}) == [library.Book("Walden", "Ada", 1)]

    asyncio.run(main())


def test_it_is_served_as_the_readme_says(library: ModuleType) -> None:
    async def main() -> None:
        async with (
            Runtime.open(library.app) as runtime,
            serving(http_app(runtime)) as address,
            httpx.AsyncClient(base_url=address.url) as client,
        ):
            done = await client.post("/commands/book.lend", json={"book": "Walden", "reader": "Ada"})
            assert done.status_code == 200
            row = await client.get("/views/shelf/Walden", params={"after": done.headers["headwater-position"]})
            assert row.json() == {"title": "Walden", "reader": "Ada", "times_lent": 1}
            [lent] = (await client.get("/events")).json()
            assert lent["type"] == "book.lent"
            assert "/commands/book.lend" in (await client.get("/openapi.json")).json()["paths"]

    asyncio.run(main())

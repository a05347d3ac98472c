"""The README's example of topics: it runs as it stands, and what the README says about it is so."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "popular.py"
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def run_it(folder: Path) -> str:
    environment = {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error", "PATH": ""}
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_runs_as_a_user_would_run_it(tmp_path: Path) -> None:
    said = "[{'page': '/', 'clicks': 2}, {'page': '/shop', 'clicks': 1}]\n"
    assert run_it(tmp_path) == said
    assert run_it(tmp_path) == said, "the same id counts once"


def test_the_readme_shows_it_word_for_word() -> None:
    assert BLOCKS[2] in EXAMPLE.read_text()
    assert "@consumer" in BLOCKS[2]

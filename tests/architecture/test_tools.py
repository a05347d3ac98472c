"""The tools that judge the code find nothing: style, types, floors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = {
    "ruff check": ["ruff", "check", "--no-cache"],
    "ruff format": ["ruff", "format", "--check", "--no-cache"],
    "mypy --strict on all of src": ["mypy", "--no-error-summary"],
    "basedpyright on the library": ["basedpyright", "--pythonpath", sys.executable],
    "import-linter on the floors": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("command", TOOLS.values(), ids=TOOLS.keys())
def test_finds_nothing(command: list[str], root: Path) -> None:
    tool = Path(sys.executable).parent / command[0]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(root / "src")}
    done = subprocess.run([tool, *command[1:]], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"

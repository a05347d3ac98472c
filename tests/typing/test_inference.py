"""Type checkers infer commands, states, rows and events from a user's plain functions, and refuse what does not fit."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
BIN = Path(sys.executable).parent
Errors = set[tuple[str, int]]


def _mypy(folder: Path) -> Errors:
    """File and line of each error."""
    tool: list[str | Path] = [BIN / "mypy", "--strict", "--no-incremental", "--config-file=", "--output=json"]
    done = _run([*tool, "inferred.py", "refused.py"], folder)
    found = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
    assert found or not done, done
    return {(Path(each["file"]).name, each["line"]) for each in found if each["severity"] == "error"}


def _basedpyright(folder: Path) -> Errors:
    found = json.loads(_run([BIN / "basedpyright", "--outputjson", "--pythonpath", sys.executable], folder))
    assert found["summary"]["filesAnalyzed"] == 2
    errors = [each for each in found["generalDiagnostics"] if each["severity"] == "error"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in errors}


def _run(command: list[str | Path], folder: Path) -> str:
    environment = {"PATH": str(BIN), "MYPYPATH": str(SOURCE), "HOME": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("check", [_mypy, _basedpyright])
def test_what_fits_is_inferred_and_what_does_not_is_refused(check: Callable[[Path], Errors], tmp_path: Path) -> None:
    for name in ("inferred.py", "refused.py"):
        (tmp_path / name).write_text((HERE / name).read_text())
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(SOURCE)], "pythonVersion": "3.11"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    errors = check(tmp_path)
    assert {line for name, line in errors if name == "inferred.py"} == set()
    lines = (HERE / "refused.py").read_text().splitlines()
    expected = {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}
    assert {line for name, line in errors if name == "refused.py"} == expected
    assert len(expected) == 19

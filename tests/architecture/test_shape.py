"""Files and functions stay small enough to be read, and only the clock reads the time."""

import ast
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60

LOOKED_TWICE: dict[str, str] = {}
"""`path` or `path::function` above a bound, and why it is right so."""

WALL_CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


def test_no_file_or_function_is_too_long(python_files: list[Path], root: Path) -> None:
    long = {name: lines for path in python_files for name, lines in _too_long(path, root)}
    assert {name: lines for name, lines in long.items() if name not in LOOKED_TWICE} == {}
    assert [name for name in LOOKED_TWICE if name not in long] == [], "no longer long: take it off the list"


def _too_long(path: Path, root: Path) -> Iterator[tuple[str, int]]:
    text, name = path.read_text(), path.relative_to(root).as_posix()
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield name, lines
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{name}::{node.name}", length


def test_only_the_clock_reads_the_time(python_files: list[Path], root: Path) -> None:
    library = [path for path in python_files if path.is_relative_to(root / "src" / "headwater")]
    found = [
        f"{path.relative_to(root)}:{node.lineno} {ast.unparse(node)}"
        for path in library
        if path.name != "clock.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL_CLOCKS
    ]
    assert found == [], "take a Clock instead, so that tests can move the time"


def test_every_module_says_what_it_is(python_files: list[Path], root: Path) -> None:
    silent = [
        path.relative_to(root).as_posix()
        for path in python_files
        if path.is_relative_to(root / "src")
        and (text := path.read_text()).strip()
        and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []

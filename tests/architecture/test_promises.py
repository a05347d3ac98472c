"""docs/delivery.md promises nothing without a test: every sentence names some, and those are there."""

import ast
import re
from pathlib import Path

PROMISE = re.compile(r"^- (.+?)  \n  (.+)$", re.MULTILINE)
TEST = re.compile(r"`([\w/.]+\.py)::(\w+)`")


def _promises(root: Path) -> list[tuple[str, list[tuple[str, str]]]]:
    text = (root / "docs" / "delivery.md").read_text()
    found = PROMISE.findall(text)
    assert len(found) == len(re.findall(r"^- ", text, re.MULTILINE)), "a sentence without tests"
    return [(sentence, TEST.findall(tests)) for sentence, tests in found]


def test_every_sentence_names_tests_that_are_there(root: Path) -> None:
    promises = _promises(root)
    assert len(promises) > 30
    missing = [
        f"{sentence[:60]}…: {path}::{name}"
        for sentence, tests in promises
        for path, name in tests or [("", "")]
        if not path or name not in _functions(root / path)
    ]
    assert missing == []


def _functions(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}

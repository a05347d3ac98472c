"""requirements/*.txt pin what pyproject.toml asks for. Offline: after a change of either, run requirements/refresh."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version


@pytest.fixture(scope="module")
def declared(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def _pins(path: Path) -> dict[str, Version]:
    requirements = [Requirement(line) for line in path.read_text().splitlines() if line.strip()]
    found = {}
    for each in requirements:
        (specifier,) = each.specifier
        assert specifier.operator == "==", f"{path.name}: {each} is not pinned"
        found[canonicalize_name(each.name)] = Version(specifier.version)
    return found


def _wanted(lines: list[str], project: dict[str, Any]) -> list[Requirement]:
    """The requirements that these lines mean, the project's own extras spelled out."""
    found = []
    for each in map(Requirement, lines):
        if each.name == project["name"]:
            for extra in each.extras:
                found += _wanted(project["optional-dependencies"][extra], project)
        else:
            found.append(each)
    return found


def _unmet(wanted: list[Requirement], pins: dict[str, Version]) -> list[str]:
    found = [(each, pins.get(canonicalize_name(each.name))) for each in wanted]
    return [str(each) for each, pin in found if pin is None or pin not in each.specifier]


def test_the_shop_is_pinned(root: Path, declared: dict[str, Any]) -> None:
    project = declared["project"]
    wanted = _wanted([*project["dependencies"], f"{project['name']}[shop]"], project)
    assert _unmet(wanted, _pins(root / "requirements/shop.txt")) == []


def test_the_tests_are_pinned(root: Path, declared: dict[str, Any]) -> None:
    wanted = _wanted(declared["dependency-groups"]["dev"], declared["project"])
    assert _unmet(wanted, _pins(root / "requirements/dev.txt")) == []


def test_tests_run_with_the_versions_that_the_shop_runs_with(root: Path) -> None:
    shop, dev = _pins(root / "requirements/shop.txt"), _pins(root / "requirements/dev.txt")
    assert {name: dev.get(name) for name in shop} == shop


def test_an_unmet_requirement_is_noticed() -> None:
    assert _unmet([Requirement("msgspec>=9")], {"msgspec": Version("0.20")}) == ["msgspec>=9"]
    assert _unmet([Requirement("absent")], {}) == ["absent"]

"""Parts of a suite, for what differs from another adapter in little."""

from typing import Any


def part_of(suite: type, *kept: str) -> Any:
    """The suite with these of its classes only."""
    others = {name: None for name in dir(suite) if name.startswith("Test") and name not in kept}
    return type("Part", (suite,), others)

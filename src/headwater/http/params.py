"""The query string: every parameter is typed, bounded, and known."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import Scope

from headwater.errors import MalformedData
from headwater.http.problems import Fault

MAX_FIELDS = 1000
MAX_VALUES = 100
MAX_TAGS = 16
MAX_INT = 2**63 - 1

_WHOLE = re.compile(r"-?[0-9]{1,19}\Z")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


class Params:
    """The parameters of a request; each is taken once, and `done` refuses those that nobody took."""

    def __init__(self, scope: Scope) -> None:
        text = scope["query_string"].decode("latin-1")
        try:
            self._given = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise MalformedData("query string", f"more than {MAX_FIELDS} parameters") from error
        self._known: list[str] = []

    def one(self, name: str) -> str | None:
        """The value of a parameter that is given at most once."""
        values = self.several(name, 1)
        return values[0] if values else None

    def several(self, name: str, most: int = MAX_VALUES) -> list[str]:
        """The values of a parameter that may be given several times."""
        self._known.append(name)
        values = self._given.pop(name, [])
        if len(values) > most:
            raise malformed(name, f"given more than {most} times")
        return values

    def whole(self, name: str, default: int, *, low: int = 0, high: int = MAX_INT) -> int:
        """A whole number within bounds."""
        text = self.one(name)
        return default if text is None else whole(f"query parameter {name!r}", text, low, high)

    def seconds(self, name: str, default: float, high: float) -> float:
        """A time in seconds within bounds."""
        text = self.one(name)
        if text is None:
            return min(default, high)
        if not _NUMBER.match(text) or not 0 <= float(text) <= high:
            raise malformed(name, f"expected seconds, from 0 to {high:g}")
        return float(text)

    def words(self, name: str, most: int = MAX_VALUES) -> tuple[str, ...]:
        """Words separated by commas, or in several parameters of the name."""
        found = [word for value in self.several(name) for word in value.split(",")]
        if not all(found):
            raise malformed(name, "an empty word")
        if len(found) > most:
            raise malformed(name, f"more than {most} words")
        return tuple(found)

    def done(self) -> None:
        """Raises a 400 fault if anything is left that nobody asked for."""
        if self._given:
            raise unknown_parameter(next(iter(self._given)), self._known)


def whole(what: str, text: str, low: int = 0, high: int = MAX_INT) -> int:
    """A whole number within bounds, in plain digits. Raises MalformedData."""
    if not _WHOLE.match(text) or not low <= int(text) <= high:
        raise MalformedData(what, f"expected a whole number from {low} to {high}")
    return int(text)


def typed(name: str, text: str, type: Any) -> Any:
    """A value of a field's type. Raises MalformedData."""
    try:
        value = msgspec.convert(text, type, strict=False)
    except (msgspec.ValidationError, ValueError, ArithmeticError) as error:
        raise malformed(name, str(error)) from error
    if isinstance(value, int) and not -MAX_INT <= value <= MAX_INT:
        raise malformed(name, "a number beyond 64 bits")
    return value


def unknown_parameter(name: str, known: Sequence[str]) -> Fault:
    """The fault of a parameter that means nothing here; it lists those that do."""
    return Fault(400, "unknown-parameter", f"Unknown query parameter {name[:80]!r}; known: {', '.join(known)}.",
                 name=name, known=list(known))  # fmt: skip


def malformed(name: str, why: str) -> MalformedData:
    """The error of a parameter's value."""
    return MalformedData(f"query parameter {name!r}", why)

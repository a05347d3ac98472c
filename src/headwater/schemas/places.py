"""What breaks, and where: the words in which a comparison answers."""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Protocol

import msgspec

from headwater.schemas.forms import Choice, Form, Forms, Shape, Value
from headwater.schemas.samples import NONE


class Rule(Enum):
    """What is wrong about a place."""

    MISSING = "missing"
    """It is needed, and never or not always written."""
    UNKNOWN = "unknown"
    """It is written, and refused as unknown."""
    VALUE = "value"
    """Not all values that are written can be read."""
    COUNT = "count"
    """There may be too many or too few of it."""
    KEYS = "keys"
    """Not all keys that are written can be read."""


class Break(msgspec.Struct, frozen=True):
    """One thing that breaks. `path` is where, from the event down ("lines", "[]", "price"; "{}" for the values of a
    map); `written` and `read` say what the one writes and the other reads, as people say it. `example` is a whole event
    that is not read, where one is known (else UNSET)."""

    path: tuple[str, ...]
    rule: Rule
    written: str
    read: str
    example: Value | msgspec.UnsetType = msgspec.UNSET

    @property
    def where(self) -> str:
        """The path as one word: "lines[].price"; empty for the event itself."""
        return "".join(each if each[:1] in "[{" else f".{each}" for each in self.path).removeprefix(".")


Breaks = Iterator[Break]


class Place(msgspec.Struct, frozen=True):
    """Where a comparison is: `whole` makes, of a value that stands here, an event (or NONE)."""

    path: tuple[str, ...] = ()
    whole: Callable[[Value], Value] = lambda value: value

    def broken(self, rule: Rule, written: str, read: str, value: Value = NONE) -> Break:
        """Something breaks here, as `value` shows, if there is one."""
        example = NONE if value is NONE else self.whole(value)
        return Break(self.path, rule, written, read, msgspec.UNSET if example is NONE else example)

    def part(self, step: str, put: Callable[[Value], Value]) -> "Place":
        """A part of it: `put` makes, of a value that stands there, one that stands here (or NONE)."""

        def whole(value: Value) -> Value:
            made = put(value)
            return NONE if made is NONE else self.whole(made)

        return Place((*self.path, step), whole)


class Comparing(Protocol):
    """A comparison that goes on: `written` and `reader` are the two sides."""

    @property
    def written(self) -> Shape: ...

    @property
    def reader(self) -> Shape: ...

    def forms(self, written: Forms, reader: Forms, place: Place) -> Breaks:
        """What breaks between these."""

    def value(self, form: Form, readers: list[Form], place: Place, value: Value) -> Break:
        """Not all of that form is read by these: `value`, for one (or NONE)."""


def words(shape: Shape, forms: Forms) -> tuple[str | int, ...] | None:
    """The words that it may be, where it is one of few."""
    found = list(shape.resolved(forms))
    if all(isinstance(each, Choice) for each in found):
        return tuple(value for each in found if isinstance(each, Choice) for value in each.values)
    return None


def outside(written: tuple[int, float | None], read: tuple[int, float | None]) -> list[int]:
    """Numbers within the first bounds that are not within the second: at most one below, and one above."""
    (least, most), (low, high) = written, read
    found = [least] if least < low else []
    if high is not None and (most is None or most > high):
        found.append(max(least, int(high) + 1))
    return found

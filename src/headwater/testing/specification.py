"""Given, when, then: what a decider decides and what a view shows, told as examples.

    spec(orders).given(OrderPlaced("o1")).when(PayOrder("o1")).then(OrderPaid("o1"))
    spec(orders).when(PayOrder("o1")).then_rejected("not_placed")
    spec(summaries).given(OrderPlaced("o1"), OrderPaid("o1")).then(OrderSummary("o1", status="paid"))

No store and no runtime take part. A failing expectation raises AssertionError with a diff.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import reduce
from typing import Any, Generic, TypeVar, overload

import msgspec

from headwater.errors import Rejected
from headwater.fold import Decider, View

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")


@overload
def spec(of: Decider[C, S, E]) -> "DeciderSpec[C, S, E]": ...
@overload
def spec(of: View[S, E]) -> "ViewSpec[S, E]": ...
def spec(of: Decider[Any, Any, Any] | View[Any, Any]) -> "DeciderSpec[Any, Any, Any] | ViewSpec[Any, Any]":
    """Begin an example for a decider or a view."""
    return DeciderSpec(of) if isinstance(of, Decider) else ViewSpec(of)


@dataclass(frozen=True)
class DeciderSpec(Generic[C, S, E]):
    """A decider and the events that its state is folded from: all of one instance, whatever stream they are in."""

    decider: Decider[C, S, E]
    events: tuple[E, ...] = ()

    def given(self, *events: E) -> "DeciderSpec[C, S, E]":
        """What has happened before; a second `given` adds to the first."""
        return DeciderSpec(self.decider, (*self.events, *events))

    def when(self, command: C) -> "Outcome[S, E]":
        """Decide on the command, and fold what follows from it, so that an event nobody evolves shows here."""
        state = reduce(self.decider.evolve, self.events, self.decider.initial())
        try:
            decided = tuple(self.decider.decide(command, state))
        except Rejected as rejected:
            return Outcome(command, (), rejected, state)
        return Outcome(command, decided, None, reduce(self.decider.evolve, decided, state))


@dataclass(frozen=True)
class Outcome(Generic[S, E]):
    """What came of a command: its events or the rejection, and the state after it."""

    command: object
    events: tuple[E, ...]
    rejected: Rejected | None
    state: S

    def then(self, *events: E) -> None:
        """Exactly these events were decided, in this order."""
        if self.rejected is not None:
            raise AssertionError(
                f"{shown(self.command)}\nwas {_told(self.rejected)}\nbut expected was:\n{_list(events)}"
            )
        _expect_equal(f"{shown(self.command)}\ndecided other events:", events, self.events)

    def then_nothing(self) -> None:
        """The command was accepted and changed nothing."""
        self.then()

    def then_rejected(self, code: str | None = None, reason: str | None = None) -> None:
        """The domain said no: with this code and this reason, where given."""
        if self.rejected is None:
            raise AssertionError(f"{shown(self.command)}\nwas not rejected but decided:\n{_list(self.events)}")
        for what, expected, actual in (("code", code, self.rejected.code), ("reason", reason, self.rejected.reason)):
            if expected is not None and expected != actual:
                raise AssertionError(
                    f"{shown(self.command)}\nwas {_told(self.rejected)}\nbut the {what} expected was {expected!r}"
                )

    def then_state(self, state: S) -> None:
        """The state after the command equals this one."""
        if self.rejected is not None:
            raise AssertionError(f"{shown(self.command)}\nwas {_told(self.rejected)}")
        _expect_equal(f"{shown(self.command)}\nled to another state:", (state,), (self.state,))


@dataclass(frozen=True)
class ViewSpec(Generic[S, E]):
    """A view and the events it is folded from."""

    view: View[S, E]
    events: tuple[E, ...] = ()

    def given(self, *events: E) -> "ViewSpec[S, E]":
        """What has happened; a second `given` adds to the first."""
        return ViewSpec(self.view, (*self.events, *events))

    def rows(self) -> dict[str, S]:
        """The view's rows by key, in the order of the keys."""
        rows: dict[str, S] = {}
        for event in self.events:
            for key in _keys(self.view.key(event)):
                before = rows.pop(key) if key in rows else self.view.initial(key)
                after = self.view.evolve(before, event)
                if after is not None:
                    rows[key] = after
        return dict(sorted(rows.items()))

    def then(self, *rows: S) -> None:
        """The view holds exactly these rows, in any order."""
        found = self.rows()
        by_first_field = {_first_field(row): row for row in rows}
        if len(by_first_field) != len(rows):
            raise AssertionError("two of the expected rows have the same key (their first field)")
        expected = [by_first_field[key] for key in sorted(by_first_field)]
        _expect_equal(f"view {self.view.name!r} holds other rows:", expected, list(found.values()))

    def then_empty(self) -> None:
        """The view holds no row."""
        self.then()


def shown(value: object, indent: str = "") -> str:
    """A value over several lines, one for each field, so that a diff points at what differs."""
    inner = indent + "    "
    if isinstance(value, msgspec.Struct | Mapping | list | tuple) or _is_dataclass_instance(value):
        opening, parts, closing = _parts(value)
        if not parts:
            return opening + closing
        body = "".join(f"{inner}{label}{shown(part, inner)},\n" for label, part in parts)
        return f"{opening}\n{body}{indent}{closing}"
    return repr(value)


def _parts(value: Any) -> tuple[str, list[tuple[str, object]], str]:
    if isinstance(value, Mapping):
        return "{", [(f"{key!r}: ", part) for key, part in value.items()], "}"
    if isinstance(value, list):
        return "[", [("", part) for part in value], "]"
    if isinstance(value, tuple):
        return "(", [("", part) for part in value], ")"
    names = value.__struct_fields__ if isinstance(value, msgspec.Struct) else [field.name for field in fields(value)]
    return f"{type(value).__qualname__}(", [(f"{name}=", getattr(value, name)) for name in names], ")"


def _is_dataclass_instance(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _expect_equal(what: str, expected: Sequence[object], actual: Sequence[object]) -> None:
    if list(expected) == list(actual):
        return
    diff = difflib.ndiff(_list(expected).splitlines(), _list(actual).splitlines())
    raise AssertionError(f"{what}\n" + "\n".join(("- expected", "+ actual", *(line.rstrip() for line in diff))))


def _list(items: Sequence[object]) -> str:
    return "\n".join(shown(item) for item in items) or "(nothing)"


def _told(rejected: Rejected) -> str:
    return f"rejected with code {rejected.code!r}: {rejected.reason}"


def _keys(keys: str | Iterable[str] | None) -> Iterable[str]:
    if keys is None:
        return ()
    return (keys,) if isinstance(keys, str) else dict.fromkeys(keys)


def _first_field(row: Any) -> str:
    if isinstance(row, msgspec.Struct):
        return str(getattr(row, row.__struct_fields__[0]))
    return str(getattr(row, fields(row)[0].name))

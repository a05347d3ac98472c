"""Declarations: plain data, checked when the application is built."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headwater.codec import command, event
from headwater.errors import DeclarationError, InvalidName
from headwater.fold import App, Decider, Reaction, Schedule, SqlView, View


@event("tally.raised")
class Raised:
    by: int


@event("tally.reset")
class Reset:
    pass


@command("tally.raise")
class Raise:
    tally: str


@command("tally.clear")
class Clear:
    tally: str


@dataclass
class Row:
    tally: str
    total: int = 0


def decide(command: Raise | Clear, state: int) -> Sequence[Raised | Reset]:
    return [Raised(1)] if isinstance(command, Raise) else [Reset()]


def evolve(state: int, event: Raised | Reset) -> int:
    return state + event.by if isinstance(event, Raised) else 0


def evolve_row(row: Row, event: Raised) -> Row | None:
    return Row(row.tally, row.total + event.by)


def evolve_sql(event: Reset) -> list[tuple[str, list[Any]]]:
    return [("DELETE FROM {t}", [])]


def react(event: Raised) -> list[Clear]:
    return [Clear("a")]


def name(command: Raise | Clear) -> str:
    return command.tally


def decider(name_: str = "tally", decide_: Any = decide, evolve_: Any = evolve) -> Decider[Any, Any, Any]:
    return Decider(name_, initial=int, decide=decide_, evolve=evolve_, stream=name)


def view(name_: str = "totals", evolve_: Any = evolve_row) -> View[Any, Any]:
    return View(name_, key=lambda event: "a", initial=Row, evolve=evolve_)


def test_annotations_are_the_registration() -> None:
    assert decider().commands == (Raise, Clear)
    assert decider().events == (Raised, Reset)
    assert (view().events, view().row) == ((Raised,), Row)
    assert SqlView("gone", {"t": "x"}, evolve_sql).events == (Reset,)
    assert Reaction("clear", react).events == (Raised,)


def test_an_app_gathers_what_its_handlers_mention() -> None:
    app = App("tally", [decider()], [view(), SqlView("gone", {"t": "x"}, evolve_sql)], [Reaction("clear", react)])
    assert set(app.events.types.values()) == {Raised, Reset}
    assert set(app.commands.types) == {"tally.raise", "tally.clear"}
    assert {cls: found.name for cls, found in app.decider_of.items()} == {Raise: "tally", Clear: "tally"}


def test_an_app_of_nothing_is_one() -> None:
    assert App("empty").events.types == {}


def test_a_command_is_decided_once() -> None:
    with pytest.raises(DeclarationError, match="command Raise is decided twice: by 'one' and 'two'"):
        App("tally", [decider("one"), decider("two")])


@pytest.mark.parametrize("what", ["decider", "view", "reaction"])
def test_names_are_unique(what: str) -> None:
    twice: dict[str, Any] = {
        "decider": {"deciders": [decider("x"), decider("x")]},
        "view": {"views": [view("x"), SqlView("x", {}, evolve_sql)]},
        "reaction": {"reactions": [Reaction("x", react), Reaction("x", react)]},
    }[what]
    with pytest.raises(DeclarationError, match=f"two {what}s are called 'x'"):
        App("tally", **twice)


@pytest.mark.parametrize("bad", ["", "a b", "a-b", "1a", "a.b", "a" * 64, "a;"])
def test_names_are_words(bad: str) -> None:
    for declared in ({"deciders": [decider(bad)]}, {"views": [view(bad)]}, {"reactions": [Reaction(bad, react)]}):
        with pytest.raises(InvalidName, match="name"):
            App("tally", **declared)  # type: ignore[arg-type]


def unannotated(state, event):  # type: ignore[no-untyped-def]
    return state


def not_an_event(state: int, event: int) -> int:
    return state


def two_rows(row: Any, event: Raised) -> Row | int: ...  # type: ignore[empty-body]


def test_gaps_fail_when_the_app_is_built() -> None:
    with pytest.raises(DeclarationError, match="decider 'tally': annotate parameter 'event' of unannotated"):
        App("tally", [decider(evolve_=unannotated)])
    with pytest.raises(DeclarationError, match="int is used as an event"):
        App("tally", [decider(evolve_=not_an_event)])
    with pytest.raises(DeclarationError, match="Raised is used as a command"):
        App("tally", [decider(decide_=evolve_row_as_decide)])
    with pytest.raises(DeclarationError, match="evolve must return one class"):
        _ = view(evolve_=two_rows).row


def evolve_row_as_decide(command: Raised, state: int) -> list[Raised]:
    return []


def test_an_event_name_used_twice_fails_when_the_app_is_built() -> None:
    @event("tally.raised")
    class Other:
        pass

    def evolve_other(row: Row, event: Other) -> Row:
        return row

    evolve_other.__annotations__["event"] = Other
    with pytest.raises(DeclarationError, match=r"'tally.raised' version 1 is declared twice"):
        App("tally", [decider()], [view(evolve_=evolve_other)])


@pytest.mark.parametrize(
    "times",
    [{}, {"after": timedelta(1), "at": datetime(2030, 1, 1, tzinfo=UTC)}, {"at": datetime(2030, 1, 1)}],
)
def test_a_schedule_has_one_time(times: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match="schedule 'k': give either"):
        Schedule("k", Raise("a"), **times)


def test_declarations_are_frozen() -> None:
    for declared in (decider(), view(), Reaction("clear", react), App("tally")):
        with pytest.raises(AttributeError):
            declared.name = "other"  # type: ignore[misc]

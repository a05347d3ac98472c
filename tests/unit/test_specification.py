"""Given/when/then: what holds passes, what does not fails with a message that shows the difference."""

from collections.abc import Callable, Sequence
from typing import assert_never

import msgspec
import pytest

from headwater.codec import command, event
from headwater.errors import Rejected
from headwater.fold import Decider, View
from headwater.testing.specification import shown, spec


@event("door.opened")
class Opened:
    door: str


@event("door.closed")
class Closed:
    door: str
    by: tuple[str, ...] = ()


@command("door.open")
class Open:
    door: str


@command("door.close")
class Close:
    door: str
    by: tuple[str, ...] = ()


DoorEvent = Opened | Closed


def evolve(opened: bool, event: DoorEvent) -> bool:
    match event:
        case Opened():
            return True
        case Closed():
            return False
        case _:
            assert_never(event)


def decide(command: Open | Close, opened: bool) -> Sequence[DoorEvent]:
    if isinstance(command, Open):
        return () if opened else (Opened(command.door),)
    if not opened:
        raise Rejected("it is shut", "shut")
    return (Closed(command.door, command.by),)


doors = Decider("door", initial=bool, decide=decide, evolve=evolve, stream=lambda command: command.door)


class Door(msgspec.Struct, frozen=True):
    door: str
    opened: int = 0


def keys(event: DoorEvent) -> list[str] | str | None:
    if isinstance(event, Closed):
        return None if event.by == ("wind",) else event.door
    return event.door.split("+")


def count(door: Door, event: DoorEvent) -> Door | None:
    return Door(door.door, door.opened + 1) if isinstance(event, Opened) else None


view = View("doors", key=keys, initial=Door, evolve=count)


def test_events_nothing_and_rejection_as_expected() -> None:
    spec(doors).when(Open("d")).then(Opened("d"))
    spec(doors).given(Opened("d")).when(Open("d")).then_nothing()
    spec(doors).when(Close("d")).then_rejected()
    spec(doors).when(Close("d")).then_rejected("shut", "it is shut")
    spec(doors).given(Opened("d")).given(Closed("d")).when(Open("d")).then(Opened("d"))
    spec(doors).when(Open("d")).then_state(True)


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        (lambda: spec(doors).when(Open("d")).then(Opened("e")), "-     door='e'"),
        (lambda: spec(doors).when(Open("d")).then(Opened("d"), Closed("d")), "- Closed("),
        (lambda: spec(doors).when(Open("d")).then_nothing(), "+ Opened("),
        (lambda: spec(doors).when(Open("d")).then_rejected(), "was not rejected but decided:\nOpened("),
        (lambda: spec(doors).given(Opened("d")).when(Open("d")).then_rejected(), "decided:\n(nothing)"),
        (lambda: spec(doors).when(Close("d")).then(Closed("d")), "rejected with code 'shut': it is shut"),
        (lambda: spec(doors).when(Close("d")).then_nothing(), "rejected with code 'shut'"),
        (lambda: spec(doors).when(Close("d")).then_rejected("locked"), "the code expected was 'locked'"),
        (lambda: spec(doors).when(Close("d")).then_rejected(reason="no"), "the reason expected was 'no'"),
        (lambda: spec(doors).when(Open("d")).then_state(False), "led to another state"),
        (lambda: spec(doors).when(Close("d")).then_state(False), "rejected with code 'shut'"),
        (lambda: spec(view).given(Opened("a")).then(Door("a", 2)), "-     opened=2"),
        (lambda: spec(view).given(Opened("a")).then_empty(), "+ Door("),
        (lambda: spec(view).then(Door("a")), "- Door("),
        (lambda: spec(view).then(Door("a", 1), Door("a", 2)), "the same key"),
    ],
)
def test_what_does_not_hold_is_told(expectation: Callable[[], None], message: str) -> None:
    with pytest.raises(AssertionError) as failure:
        expectation()
    assert message in str(failure.value)


def test_rows_of_a_view() -> None:
    spec(view).then_empty()
    spec(view).given(Opened("a+b"), Opened("b+b"), Opened("c")).then(Door("c", 1), Door("a", 1), Door("b", 2))
    spec(view).given(Opened("a"), Closed("a", ("wind",))).then(Door("a", 1))
    spec(view).given(Opened("a")).given(Closed("a")).then_empty()
    spec(view).given(Opened("a"), Closed("a"), Opened("a")).then(Door("a", 1))


def test_a_decided_event_that_nobody_evolves_shows() -> None:
    def silly(command: Open, opened: bool) -> Sequence[DoorEvent]:
        return ("no event",)  # type: ignore[return-value]

    wrong = Decider("door", initial=bool, decide=silly, evolve=evolve, stream=lambda command: command.door)
    with pytest.raises(AssertionError):
        spec(wrong).when(Open("d"))


def test_errors_other_than_rejections_pass_through() -> None:
    def broken(command: Open, opened: bool) -> Sequence[DoorEvent]:
        raise ZeroDivisionError

    wrong = Decider("door", initial=bool, decide=broken, evolve=evolve, stream=lambda command: command.door)
    with pytest.raises(ZeroDivisionError):
        spec(wrong).when(Open("d"))


def test_values_are_shown_a_field_a_line() -> None:
    assert shown(Closed("d", ("x",))) == "Closed(\n    door='d',\n    by=(\n        'x',\n    ),\n)"
    assert shown({"a": [1], "b": ()}) == "{\n    'a': [\n        1,\n    ],\n    'b': (),\n}"

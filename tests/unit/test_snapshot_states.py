"""Snapshots as they are declared, and the states that can be kept."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from headwater import Decider, Snapshots, command, event, query
from headwater.commands.snapshotter import StateCodec
from headwater.errors import DeclarationError


@event("thing.happened")
class Happened:
    n: int


@command("thing.do")
class Do:
    n: int


class Plain:
    """What msgspec knows nothing of."""


class Vague(msgspec.Struct, eq=False):
    n: int = 0


class Full(msgspec.Struct, frozen=True):
    price: Decimal = Decimal("1.10")
    at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    names: frozenset[str] = frozenset("ab")
    lines: tuple[tuple[str, int], ...] = (("a", 1),)
    by_number: dict[int, str] = {}


class Open(msgspec.Struct, frozen=True, tag=True):
    n: int = 0


class Closed(msgspec.Struct, frozen=True, tag=True):
    pass


@dataclass(frozen=True)
class Data:
    values: tuple[float, ...] = (1.5, -0.0)


def decider(state: Any, initial: Any, **more: Any) -> Decider[Any, Any, Any]:
    def decide(wanted: Do, found: Any) -> list[Happened]:
        return []

    def evolve(found: Any, happened: Happened) -> Any:
        return found

    evolve.__annotations__["return"] = state
    return Decider("thing", initial, decide, evolve, lambda wanted: "1", snapshots=Snapshots(), **more)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"every": 0}, "at least 1"),
        ({"seconds": -1.0}, "at least 0"),
        ({"every": None}, "never taken"),
        ({"version": 0}, "a version is 1 to"),
        ({"version": 2**31}, "a version is 1 to"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DeclarationError, match=complaint):
        Snapshots(**given)


def test_there_are_none_of_what_a_query_finds() -> None:
    with pytest.raises(DeclarationError, match=r"'thing': snapshots are of a stream"):
        decider(int, int, query=lambda wanted: query("thing.happened"))


@pytest.mark.parametrize(
    ("state", "value"),
    [
        (Full, Full(by_number={1: "one"})),
        (Open | Closed, Closed()),
        (Data, Data()),
        (Data | None, None),
        (dict[str, list[int]], {"a": [1]}),
        (int, 3),
        (Any, {"a": [1, None, "x"]}),
    ],
    ids=lambda given: given.__name__ if isinstance(given, type) else "",
)
def test_a_state_is_read_as_it_was(state: Any, value: Any) -> None:
    codec = StateCodec(decider(state, lambda: value))
    again = codec.decode(codec.encode(value))
    assert again == value
    assert type(again) is type(value)
    assert codec.tried


@pytest.mark.parametrize(
    ("state", "value", "complaint"),
    [
        (Plain, Plain(), "TypeError: Encoding objects of type Plain is unsupported"),
        (Vague, Vague(), "is read again as"),
        (float, math.nan, "ValidationError"),
        (Any, {1: "one"}, "is read again as"),
        (Any, {"a": (1, 2)}, "is read again as"),
        (Any, {"a": Decimal(1)}, "is read again as"),
        (int, True, "ValidationError|is read again as"),
    ],
    ids=lambda given: given.__name__ if isinstance(given, type) else "",
)
def test_a_state_that_would_be_another_one_is_refused(state: Any, value: Any, complaint: str) -> None:
    codec = StateCodec(decider(state, lambda: {} if isinstance(value, dict) else value))
    with pytest.raises(DeclarationError, match=f"'thing': its state cannot be kept in snapshots: .*({complaint})"):
        codec.encode(value)
    assert not codec.tried


def test_a_type_that_cannot_be_read_is_refused_at_once() -> None:
    class One(msgspec.Struct):
        pass

    class Two(msgspec.Struct):
        pass

    with pytest.raises(DeclarationError, match=r"its type .* cannot be read from JSON"):
        StateCodec(decider(One | Two, One))

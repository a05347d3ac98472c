"""What breaks between two schemas, for the kinds of classes that the law does not make up."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Required, TypedDict

import msgspec
import pytest
from msgspec import Meta, Struct

from headwater.errors import MalformedData
from headwater.schemas.comparing import Direction, breaks
from headwater.schemas.describing import schema_of
from headwater.schemas.reading import read


class Tree(Struct):
    value: int
    children: "list[Tree]" = []


class TextTree(Struct):
    value: str
    children: "list[TextTree]" = []


class Pair(NamedTuple):
    x: int
    y: int = 0


class Triple(NamedTuple):
    x: int
    y: int
    z: str


class Loose(TypedDict, total=False):
    x: Required[int]
    y: str


@dataclass
class Plain:
    x: int
    y: list[int] = field(default_factory=list)


class Coded(Struct):
    code: Annotated[str, Meta(pattern="^[A-Z]+$", max_length=5)]


class Shorter(Struct):
    code: Annotated[str, Meta(pattern="^[A-Z]+$", max_length=3)]


class Lower(Struct):
    code: Annotated[str, Meta(pattern="^[a-z]+$")]


class AnyCode(Struct):
    code: str


class One(Struct, tag=1):
    x: int


class Two(Struct, tag=2):
    y: str


class Custom:
    pass


def wrapped(type: Any) -> Any:
    return msgspec.defstruct("Wrapped", [("it", type)])


def found(old: Any, new: Any) -> list[str]:
    schemas = schema_of(wrapped(old)), schema_of(wrapped(new))
    return [f"{each.where} {each.rule.value}" for each in breaks(*schemas, Direction.BACKWARD)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (Tree, Tree, []),
        (Tree, TextTree, ["it.value value"]),
        (Pair, Triple, ["it count"]),
        (Pair, list[int], []),
        (Pair, list[str], ["it[0] value", "it[1] value"]),
        (Loose, Plain, ["it.y value"]),
        (Plain, Loose, ["it.y value"]),
        (Plain, dict[str, Any], []),
        (dict[str, int], Plain, ["it.x missing", "it.y value"]),
        (Coded, Coded, []),
        (Coded, AnyCode, []),
        (Coded, Shorter, ["it.code value"]),
        (Coded, Lower, ["it.code value"]),
        (AnyCode, Coded, ["it.code value"]),
        (One, One | Two, []),
        (One | Two, One, ["it.type value", "it.x missing"]),
        (One | None, One, ["it value"]),
        (Custom, Custom, []),
        (Custom, int, ["it value"]),
        (int, Any, []),
        (Any, int, ["it value"] * 6),
        (Decimal, str, []),
        (Annotated[datetime, Meta(tz=True)], datetime, []),
        (datetime, Annotated[datetime, Meta(tz=True)], ["it value"]),
    ],
    ids=str,
)
def test_it_breaks_there(old: Any, new: Any, expected: list[str]) -> None:
    assert found(old, new) == expected


def test_a_break_says_in_plain_words_what_is_written_and_what_is_read() -> None:
    class Old(Struct):
        price: Annotated[int, Meta(ge=0)] | None
        kinds: set[str]

    class New(Struct):
        price: Annotated[int, Meta(ge=1, le=9)]
        kinds: Annotated[list[str], Meta(max_length=2)]

    first, second, kinds = breaks(schema_of(Old), schema_of(New), Direction.BACKWARD)
    assert {first.written, second.written} == {"null", "a whole number of at least 0"}
    assert first.read == second.read == "a whole number of at least 1 and of at most 9"
    assert (kinds.written, kinds.read, len(kinds.example["kinds"])) == ("any number", "0 to 2", 3)


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(MalformedData):
        read({"type": "colour"})
    with pytest.raises(MalformedData):
        read({"anyOf": 7})

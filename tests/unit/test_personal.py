"""Personal fields: where they are found in event classes, and declarations that are refused."""

from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, TypedDict
from uuid import UUID

import msgspec
import pytest

from headwater import Personal, Subject, event
from headwater.errors import DeclarationError
from headwater.personal import plan_of

Text = Annotated[str, Personal()]


class Street(msgspec.Struct, rename="camel"):
    street_name: Text
    country: str = ""


class Guest(msgspec.Struct):
    guest: Annotated[int, Subject()]
    name: Text


@event("booked")
class Booked:
    customer: Annotated[UUID, Subject()]
    address: Street | None
    guests: list[Guest]
    by_room: dict[str, tuple[Guest, ...]]
    note: Annotated[dict[str, Any] | None, Personal()]
    born: Annotated[int, Personal(forgotten=0)]
    total: int


@event("dated")
@dataclass
class Dated:
    id: Annotated[str, Subject()]
    name: Annotated[str, Personal(forgotten="?")]
    tags: list[str] = field(default_factory=list)


def test_fields_are_found_under_the_names_that_json_has() -> None:
    plan = plan_of(Booked)
    assert plan is not None
    assert (plan.subject, plan.sealed) == ("customer", {"note": b"null", "born": b"0"})
    assert set(plan.nested) == {"address", "guests", "by_room"}
    assert (plan.nested["address"].subject, plan.nested["address"].sealed) == (None, {"streetName": b'"[forgotten]"'})
    assert plan.nested["guests"].subject == "guest"
    assert plan.nested["by_room"].each is not None
    assert plan.nested["by_room"].each.sealed == {"name": b'"[forgotten]"'}


def test_dataclasses_have_them_too() -> None:
    plan = plan_of(Dated)
    assert plan is not None
    assert (plan.subject, plan.sealed) == ("id", {"name": b'"?"'})


class Tree(msgspec.Struct):
    id: Annotated[str, Subject()]
    name: Text
    below: list["Tree"] = []


def test_a_class_may_hold_itself() -> None:
    plan = plan_of(Tree)
    assert plan is not None
    assert plan.nested["below"] is plan


class Plain(msgspec.Struct):
    id: Annotated[str, Subject]
    size: Annotated[int, msgspec.Meta(ge=0)]
    name: Annotated[str, msgspec.Meta(max_length=20), Personal]
    parts: dict[str, list[Street | None]] | None = None


class Bare(msgspec.Struct):
    id: str
    below: list["Bare"]


def test_what_has_none_has_no_plan() -> None:
    assert plan_of(Bare) is None


class Pair(NamedTuple):
    name: Text


class Typed(TypedDict):
    name: Text


class Array(msgspec.Struct, array_like=True):
    name: Text


class TaggedA(msgspec.Struct, tag=True):
    name: Text


class TaggedB(msgspec.Struct, tag=True):
    name: str


Id = Annotated[str, Subject()]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": Text}, "whose"),
    ({"id": Id, "other": Id, "name": Text}, "one field names the subject"),
    ({"id": Annotated[str, Subject(), Personal()], "name": Text}, "not personal itself"),
    ({"id": Annotated[str | None, Subject()], "name": Text}, "str, int or UUID"),
    ({"id": Annotated[float, Subject()], "name": Text}, "str, int or UUID"),
    ({"id": Id, "born": Annotated[int, Personal()]}, "forgotten="),
    ({"id": Id, "born": Annotated[int, Personal(forgotten="?")]}, "not of its type"),
    ({"id": Id, "code": Annotated[Annotated[str, msgspec.Meta(max_length=3)], Personal()]}, "forgotten="),
    ({"id": Id, "name": Annotated[str, Personal()] | None}, "would not be found"),
    ({"id": Id, "names": list[Text]}, "would not be found"),
    ({"id": Id, "names": dict[Text, str]}, "would not be found"),
    ({"id": Id, "guests": list[Annotated[Guest, Personal()]]}, "would not be found"),
    ({"id": Id, "pair": tuple[Text, int]}, "would not be found"),
    ({"id": Id, "of": TaggedA | TaggedB}, "would not be found"),
    ({"id": Id, "pair": Pair}, "JSON object"),
    ({"id": Id, "typed": Typed}, "JSON object"),
    ({"id": Id, "array": Array}, "JSON object"),
    ({"guests": list[Guest], "address": Street}, "whose"),
]


@pytest.mark.parametrize(("fields", "why"), REFUSED, ids=lambda value: str(value)[:50])
def test_what_would_not_be_protected_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(DeclarationError, match=why):
        plan_of(msgspec.defstruct("Wrong", list(fields.items())))


def test_marks_may_be_given_as_classes() -> None:
    plan = plan_of(Plain)
    assert plan is not None
    assert (plan.subject, set(plan.sealed), set(plan.nested)) == ("id", {"name"}, {"parts"})

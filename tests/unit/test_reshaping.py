"""Old events that are decoded in one step are what the changes, one after the other, make of them."""

from enum import Enum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater import event
from headwater.codec import EventCatalog
from headwater.errors import DeclarationError
from headwater.messages import Kind
from headwater.reshaping import shape
from headwater.upcasting import Change, derived, dropped, renamed, upcast, with_default

NAMES = "abcdef"


class Colour(Enum):
    RED = "red"


class Thing(msgspec.Struct, frozen=True):
    a: int
    b: int | None = None
    c: list[int] = []
    d: str = "d"


values = {
    "a": st.integers(0, 9),
    "b": st.none() | st.integers(0, 9),
    "c": st.lists(st.integers(0, 9)),
    "d": st.text(max_size=2),
}
names = st.sampled_from(NAMES)
anything = st.one_of(*values.values())
changes = st.one_of(
    st.builds(renamed, names, names),
    st.builds(lambda name: dropped(name), names),
    st.builds(with_default, names, anything),
)


@given(st.lists(changes, max_size=4), st.dictionaries(names, anything))
def test_both_ways_agree(steps: list[Change], data: dict[str, Any]) -> None:
    try:
        made = shape(Thing, steps)
    except msgspec.ValidationError:
        return  # a default that no field takes is refused beforehand
    assert made is not None
    assert _fast(made.struct, made.make, data) == _slowly(steps, data)


def _fast(struct: Any, make: Any, data: dict[str, Any]) -> Thing | None:
    try:
        thing: Thing = make(msgspec.json.decode(msgspec.json.encode(data), type=struct))
    except msgspec.ValidationError:
        return None
    return thing


def _slowly(steps: list[Change], data: dict[str, Any]) -> Thing | None:
    changed = dict(data)
    for step in steps:
        changed = step(changed)
    try:
        return msgspec.convert(changed, Thing)
    except msgspec.ValidationError:
        return None


@event("strict.made", version=2)
class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    a: int


@event("keyed.made", version=2)
class Keyed(msgspec.Struct, frozen=True, kw_only=True):
    a: int


@event("renamed.made", version=2)
class Renamed(msgspec.Struct, frozen=True, rename="camel"):
    first_name: str
    colour: Colour = Colour.RED


@event("bounded.made", version=2)
class Bounded(msgspec.Struct, frozen=True):
    n: Annotated[int, msgspec.Meta(ge=1)]


@pytest.mark.parametrize("cls", [Strict, Keyed])
def test_what_is_in_doubt_takes_the_slow_way(cls: type) -> None:
    kind = Kind(f"{cls.__name__.lower()}.made", 1)
    catalog = EventCatalog([cls], [upcast(*kind, renamed("b", "a"))])
    assert kind not in catalog.shapes
    assert catalog.decode_data(kind, b'{"b":1}') == [cls(a=1)]


def test_what_takes_a_function_takes_the_slow_way() -> None:
    assert shape(Thing, [derived("a", lambda _: 1)]) is None


def test_names_are_those_of_the_data() -> None:
    kind = Kind("renamed.made", 1)
    catalog = EventCatalog([Renamed], [upcast(*kind, renamed("name", "firstName"), with_default("colour", "red"))])
    assert kind in catalog.shapes
    assert catalog.decode_data(kind, b'{"name":"Ada"}') == [Renamed("Ada")]


def test_a_default_that_its_field_does_not_take_is_refused_when_it_is_declared() -> None:
    with pytest.raises(DeclarationError, match=r"'bounded.made' version 1: a default is wrong: Expected `int` >= 1"):
        EventCatalog([Bounded], [upcast("bounded.made", 1, with_default("n", 0))])

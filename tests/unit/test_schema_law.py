"""The law of the gate: what it says of two schemas is what decoding does, both ways, for all that msgspec declares."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.schema_types import Kind, Member, kinds, record, versions

from headwater.codec import EventCatalog, event
from headwater.errors import BadInput, DeclarationError
from headwater.messages import Kind as EventKind
from headwater.schemas.comparing import Direction, breaks
from headwater.schemas.describing import schema_of
from headwater.schemas.reading import read
from headwater.schemas.samples import many
from headwater.schemas.upcast import breaks_today
from headwater.upcasting import Change, derived, dropped, renamed, upcast, with_default

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def reads(type: Any, value: Any) -> bool:
    try:
        msgspec.json.decode(msgspec.json.encode(value), type=type)
    except msgspec.DecodeError:
        return False
    return True


def check(written: Kind, reader: Kind, found: Any, data: st.DataObject) -> None:
    if not found:
        value = data.draw(written.values)
        assert reads(reader.type, value), (
            f"said to be compatible, and {value!r} is not read by {schema_of(reader.type)}"
        )
        for value in many(read(schema_of(written.type))):
            assert reads(reader.type, value), (
                f"said to be compatible, and {value!r} is not read by {schema_of(reader.type)}"
            )
    both = f"{schema_of(written.type)} read as {schema_of(reader.type)}"
    for each in found:
        assert each.example is not msgspec.UNSET, f"said to break, and shows nothing: {each}: {both}"
        assert reads(written.type, each.example), f"what it shows is never written: {each}: {both}"
        assert not reads(reader.type, each.example), f"said to break, and what it shows is read: {each}: {both}"


@settings(max_examples=200, suppress_health_check=SLOW)
@given(versions(), st.data())
def test_what_the_gate_says_is_what_decoding_does(pair: tuple[Kind, Kind], data: st.DataObject) -> None:
    old, new = pair
    schemas = schema_of(old.type), schema_of(new.type)
    check(old, new, breaks(*schemas, Direction.BACKWARD), data)
    check(new, old, breaks(*schemas, Direction.FORWARD), data)


@settings(max_examples=150, suppress_health_check=SLOW)
@given(kinds, kinds, st.booleans(), st.data())
def test_so_it_is_for_any_two_types(one: Kind, other: Kind, default: bool, data: st.DataObject) -> None:
    old, new = (record({"it": Member(each, default)}) for each in (one, other))
    check(old, new, breaks(schema_of(old.type), schema_of(new.type), Direction.BACKWARD), data)


@settings(max_examples=75, suppress_health_check=SLOW)
@given(kinds, st.data())
def test_nothing_breaks_between_a_schema_and_itself_and_samples_are_of_it(kind: Kind, data: st.DataObject) -> None:
    whole = record({"it": Member(kind, False)})
    schema = schema_of(whole.type)
    assert breaks(schema, schema, Direction.BACKWARD) == []
    assert all(reads(whole.type, value) for value in many(read(schema)))
    assert reads(whole.type, data.draw(whole.values))


fields = st.sampled_from("abcd")
defaults = st.one_of(st.none(), st.booleans(), st.integers(-4, 4), st.floats(-4, 4), st.sampled_from(["", "a", "red"]))
steps = st.one_of(
    st.permutations("abcd").map(lambda names: renamed(names[0], names[1])),
    st.builds(with_default, fields, defaults | st.lists(defaults, max_size=2)),
    st.builds(dropped, fields),
)


@settings(max_examples=150, suppress_health_check=SLOW)
@given(versions(), st.lists(steps, max_size=3), st.booleans(), st.data())
def test_so_it_is_through_upcasters(
    pair: tuple[Kind, Kind], changes: list[Change], opaque: bool, data: st.DataObject
) -> None:
    old, new = pair
    if opaque:
        changes = [*changes, derived("e", lambda _: 1)]
    try:
        catalog = EventCatalog([event("e", version=2)(new.type)], [upcast("e", 1, *changes)])
    except DeclarationError:
        return  # a default that is none of its field's
    found = breaks_today(catalog, EventKind("e", 1), schema_of(old.type))
    values = [data.draw(old.values), *many(read(schema_of(old.type)))] if not found else []
    for value in values if not opaque else values[1:]:
        assert upcasts(catalog, value), (
            f"said to be compatible, and {value!r} is not upcast: {changes} {schema_of(new.type)}"
        )
    for each in found:
        assert reads(old.type, each.example), f"what it shows is never written: {each}"
        assert not upcasts(catalog, each.example), (
            f"said to break, and what it shows is upcast: {each}, {changes} {schema_of(old.type)}"
        )


def upcasts(catalog: EventCatalog, value: Any) -> bool:
    try:
        catalog.decode_data(EventKind("e", 1), msgspec.json.encode(value))
    except BadInput:
        return False
    return True

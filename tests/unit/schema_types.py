"""Random types that msgspec can declare, changes to them, and the JSON that is written of them: made here, without the
code that is tested."""

import base64
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import count
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from msgspec import Meta

_numbers = count()
_encoded = msgspec.json.encode


class Kind(msgspec.Struct, frozen=True):
    """A type, and a strategy of what is written of it, as JSON that Python reads. `like`: what tells apart those that
    may not be together in a union."""

    type: Any
    values: Any
    like: str


class Member(msgspec.Struct, frozen=True):
    """A field of a class."""

    kind: Kind
    default: bool


Colour = Enum("Colour", {"RED": "red", "BLUE": "blue"})
Level = Enum("Level", {"LOW": 1, "HIGH": 2})


def _as_json(strategy: Any) -> Any:
    return strategy.map(lambda value: msgspec.json.decode(_encoded(value)))


def _whole(low: int | None, high: int | None, step: int | None) -> Kind:
    said = {name: value for name, value in (("ge", low), ("le", high), ("multiple_of", step)) if value is not None}
    values = st.integers(
        None if low is None else math.ceil(low / (step or 1)), None if high is None else math.floor(high / (step or 1))
    ).map(lambda n: n * (step or 1))
    return Kind(Annotated[int, Meta(**said)] if said else int, values, "int")


def _fraction(low: float | None, high: float | None) -> Kind:
    said = {name: value for name, value in (("gt", low), ("lt", high)) if value is not None}
    values = st.floats(low, high, exclude_min=low is not None, exclude_max=high is not None, allow_nan=False)
    finite = values.filter(math.isfinite)
    return Kind(Annotated[float, Meta(**said)] if said else float, finite, "float")


def _text(low: int | None, high: int | None) -> Kind:
    said = {name: value for name, value in (("min_length", low), ("max_length", high)) if value is not None}
    characters = st.characters(exclude_categories=("Cs",))
    return Kind(
        Annotated[str, Meta(**said)] if said else str, st.text(characters, min_size=low or 0, max_size=high), "str"
    )


def _bytes(low: int | None, high: int | None) -> Kind:
    said = {name: value for name, value in (("min_length", low), ("max_length", high)) if value is not None}
    values = st.binary(min_size=low or 0, max_size=high).map(lambda value: base64.b64encode(value).decode())
    return Kind(Annotated[bytes, Meta(**said)] if said else bytes, values, "str")


def _moment(cls: type, zone: bool | None) -> Kind:
    zones = {True: st.timezones(), False: st.none(), None: st.none() | st.timezones()}[zone]
    aware = st.sampled_from(["Z", "+05:30", "-00:30"])
    bare = _as_json(st.datetimes() if cls is datetime else st.times())
    values = st.tuples(bare, aware).map("".join) if zone else bare
    if zone is None:
        values = bare | st.tuples(bare, aware).map("".join)
    assert zones is not None
    return Kind(Annotated[cls, Meta(tz=zone)] if zone is not None else cls, values, "str")


def _choice(values: list[Any]) -> Kind:
    return Kind(Literal[tuple(values)], st.sampled_from(values), "str" if isinstance(values[0], str) else "int")


_bounds = st.tuples(st.none() | st.integers(-3, 3), st.none() | st.integers(0, 6)).map(
    lambda both: (both[0], None if both[1] is None else (both[0] or 0) + both[1])
)
_lengths = st.tuples(st.none() | st.integers(0, 3), st.none() | st.integers(0, 3)).map(
    lambda both: (both[0], None if both[1] is None else (both[0] or 0) + both[1])
)

keys = st.one_of(
    st.builds(lambda bounds: _whole(*bounds, None), _bounds),
    st.builds(lambda bounds: _text(*bounds), _lengths),
    st.just(Kind(date, _as_json(st.dates()), "str")),
    st.just(Kind(UUID, _as_json(st.uuids()), "str")),
    st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True).map(_choice),
)
scalars = st.one_of(
    keys,
    st.builds(lambda bounds, step: _whole(*bounds, step), st.just((None, None)), st.sampled_from([2, 3, 4, 6])),
    st.builds(lambda bounds: _fraction(*bounds), _bounds.filter(lambda both: both[0] is None or both[1] != both[0])),
    st.builds(lambda lengths: _bytes(*lengths), _lengths),
    st.just(Kind(bool, st.booleans(), "bool")),
    st.just(Kind(None, st.none(), "null")),
    st.just(Kind(timedelta, _as_json(st.timedeltas()), "str")),
    st.just(Kind(Decimal, _as_json(st.decimals().filter(lambda value: not value.is_snan())), "decimal")),
    st.just(Kind(Colour, st.sampled_from(["red", "blue"]), "str")),
    st.just(Kind(Level, st.sampled_from([1, 2]), "int")),
    st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3, unique=True).map(_choice),
    st.builds(_moment, st.sampled_from([datetime, time]), st.sampled_from([True, False, None])),
)


def _list(kind: Kind, lengths: tuple[int | None, int | None]) -> Kind:
    low, high = lengths
    said = {name: value for name, value in (("min_length", low), ("max_length", high)) if value is not None}
    values = st.lists(kind.values, min_size=low or 0, max_size=4 if high is None else min(high, 4))
    return Kind(Annotated[list[kind.type], Meta(**said)] if said else list[kind.type], values, "array")


def _set(kind: Kind) -> Kind:
    return Kind(set[kind.type], st.lists(kind.values, max_size=4, unique_by=_encoded), "array")


def _tuple(kinds: list[Kind]) -> Kind:
    values = st.tuples(*(each.values for each in kinds)).map(list)
    return Kind(tuple[tuple(each.type for each in kinds)] if kinds else tuple[()], values, "tuple")


def _map(key: Kind, kind: Kind, lengths: tuple[int | None, int | None]) -> Kind:
    low, high = lengths if key.type is str else (None, lengths[1])
    said = {name: value for name, value in (("min_length", low), ("max_length", high)) if value is not None}
    spelled = key.values.map(lambda value: value if isinstance(value, str) else str(value))
    values = st.dictionaries(spelled, kind.values, min_size=low or 0, max_size=4 if high is None else min(4, high))
    type = dict[key.type, kind.type]
    return Kind(Annotated[type, Meta(**said)] if said else type, values, "object")


def record(members: dict[str, Member], *, closed: bool = False, array: bool = False, tag: str | None = None) -> Kind:
    """A class of these fields."""
    ordered = sorted(members.items(), key=lambda item: item[1].default)
    fields = [
        (name, each.kind.type, msgspec.field(default=msgspec.UNSET) if each.default else msgspec.field())
        for name, each in ordered
    ]
    name = f"Made{next(_numbers)}"
    cls = msgspec.defstruct(name, fields, forbid_unknown_fields=closed, array_like=array, tag=tag)
    needed = {name: each.kind.values for name, each in ordered if not each.default}
    others = {name: each.kind.values for name, each in ordered if each.default}
    if array:
        head = [st.just(tag)] if tag else []
        every = [*needed.values(), *others.values()]
        parts = [st.tuples(*head, *every[:size]).map(list) for size in range(len(needed), len(every) + 1)]
        return Kind(cls, st.one_of(parts), "struct array")
    start = {"type": st.just(tag)} if tag else {}
    return Kind(cls, st.fixed_dictionaries(start | needed, optional=others), "object")


def _any_of(kinds: list[Kind]) -> Any:
    return Union[tuple(each.type for each in kinds)]  # noqa: UP007


def _records(kinds: Any) -> Any:
    members = st.dictionaries(st.sampled_from("abcd"), st.builds(Member, kinds, st.booleans()), max_size=3)
    return st.builds(
        lambda given, closed, array: record(given, closed=closed, array=array), members, st.booleans(), st.booleans()
    )


def _tagged(kinds: Any) -> Any:
    members = st.dictionaries(st.sampled_from("ab"), st.builds(Member, kinds, st.booleans()), max_size=2)
    tags = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True)

    def make(names: list[str], given: list[dict[str, Member]], closed: bool, array: bool) -> Kind:
        found = [record(each, closed=closed, array=array, tag=tag) for tag, each in zip(names, given, strict=False)]
        return Kind(_any_of(found), st.one_of([each.values for each in found]), found[0].like)

    return st.builds(make, tags, st.lists(members, min_size=3, max_size=3), st.booleans(), st.booleans())


def _union(kinds: list[Kind]) -> Kind:
    found: dict[str, Kind] = {}
    if any(each.like not in ("tuple", "null") for each in kinds):
        # msgspec 0.22 crashes on a tuple of fixed length beside anything with bounds.
        kinds = [each for each in kinds if each.like != "tuple"]
    for each in kinds:
        alike = {"decimal": "str", "struct array": "array", "tuple": "array"}.get(each.like, each.like)
        if not (each.like == "struct array" and "object" in found) and not (
            each.like == "object" and found.get("array", each).like == "struct array"
        ):
            found.setdefault(alike, each)
    values = [each.values for each in found.values()]
    return Kind(_any_of(list(found.values())), st.one_of(values), "union")


def _hashable(kind: Kind) -> bool:
    return kind.like not in ("array", "tuple", "struct array", "object", "union")


def _deeper(kinds: Any) -> Any:
    plain = kinds.filter(lambda each: each.like != "union")
    return st.one_of(
        st.builds(_list, kinds, _lengths),
        st.builds(_set, kinds.filter(_hashable)),
        st.lists(kinds, max_size=3).map(_tuple),
        st.builds(_map, keys, kinds, _lengths),
        _records(kinds),
        _tagged(kinds),
        st.lists(plain, min_size=2, max_size=3).map(_union),
    )


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab"),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text("ab"), each, max_size=2),
    max_leaves=3,
)
kinds = st.recursive(scalars | st.just(Kind(Any, _anything, "union")), _deeper, max_leaves=6)


@st.composite
def versions(draw: Any) -> tuple[Kind, Kind]:
    """Two versions of a class: some fields alike, others changed, added, removed or with another default."""
    old = draw(st.dictionaries(st.sampled_from("abcd"), st.builds(Member, kinds, st.booleans()), max_size=3))
    new = dict(old)
    for name in draw(st.lists(st.sampled_from("abcd"), max_size=2)):
        change = draw(st.sampled_from(["set", "remove", "default", "null", "list"]))
        if change == "set" or name not in new:
            new[name] = draw(st.builds(Member, kinds, st.booleans()))
        elif change == "remove":
            del new[name]
        elif change == "default":
            new[name] = Member(new[name].kind, not new[name].default)
        elif change == "null" and new[name].kind.like not in ("union", "null"):
            new[name] = Member(_union([new[name].kind, Kind(None, st.none(), "null")]), new[name].default)
        elif change == "list":
            new[name] = Member(_list(new[name].kind, draw(_lengths)), new[name].default)
    first, second = draw(st.booleans()), draw(st.booleans())
    return record(old, closed=first), record(new, closed=second)

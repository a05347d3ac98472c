"""Drift: how messages that really go around differ from what their classes declare."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headwater.codec import UNREADABLE, EventCatalog
from headwater.messages import Kind
from headwater.schemas.comparing import compare
from headwater.schemas.describing import schema_of
from headwater.schemas.forms import Field, Fields, Form, Forms, Items, Shape
from headwater.schemas.places import Break, Rule
from headwater.schemas.reading import read
from headwater.schemas.upcast import constant


class Drift(msgspec.Struct, frozen=True):
    """A difference at a field of a kind of event ("" is the event itself), in `count` of the `of` that were looked at:
    what was `found`, and what is `declared`."""

    kind: Kind
    field: str
    what: str
    count: int
    of: int
    found: str
    declared: str


NOT_JSON, UNKNOWN_KIND, OLD = "not JSON", "unknown type", "older version"
UNUSED = "never seen"
_INDEX = re.compile(r"\[\d+\]")
_WHAT = {
    Rule.UNKNOWN: "unknown field", Rule.MISSING: "missing", Rule.VALUE: "another form", Rule.COUNT: "another number",
    Rule.KEYS: "another key",
}  # fmt: skip


def drift(events: EventCatalog, observed: Iterable[tuple[Kind, bytes]]) -> list[Drift]:
    """What was observed (kinds and data), against the classes of today. Versions that are upcast are only counted."""
    shapes: dict[Kind, Shape] = {kind: closed(read(schema_of(cls))) for kind, cls in events.types.items()}
    of: dict[Kind, int] = defaultdict(int)
    found: dict[tuple[Kind, str, str], list[Any]] = {}
    seen: dict[Kind, set[str]] = defaultdict(set)
    for kind, data in observed:
        of[kind] += 1
        for name, what, was, declared in _differences(events, shapes, kind, data, seen):
            found.setdefault((kind, name, what), [0, was, declared])[0] += 1
    for kind in seen.keys() & shapes.keys():
        for name in _fields(shapes[kind]).keys() - seen[kind]:
            found.setdefault((kind, name, UNUSED), [of[kind], "nothing", "a field"])
    rows = [Drift(*key, count, of[key[0]], was, declared) for key, (count, was, declared) in found.items()]
    return sorted((each for each in rows if each.what != UNUSED or not _missing(rows, each)), key=_order)


def _order(each: Drift) -> tuple[Kind, str, str]:
    return each.kind, each.field, each.what


def _missing(rows: Iterable[Drift], unused: Drift) -> bool:
    return any(each.kind == unused.kind and each.field == unused.field and each.what != UNUSED for each in rows)


def _differences(
    events: EventCatalog, shapes: Mapping[Kind, Shape], kind: Kind, data: bytes, seen: dict[Kind, set[str]]
) -> Iterable[tuple[str, str, str, str]]:
    shape = shapes.get(kind)
    if shape is None:
        return [("", OLD if kind in events.chains else UNKNOWN_KIND, f"version {kind.version}", "")]
    try:
        value = msgspec.json.decode(data)
    except UNREADABLE:
        return [("", NOT_JSON, "what is not JSON", "")]
    if isinstance(value, dict):
        seen[kind].update(value)
    differences = compare(Shape(constant(value)), shape)
    return dict.fromkeys(_told(each) for each in differences)


def _told(found: Break) -> tuple[str, str, str, str]:
    return _INDEX.sub("[]", found.where), _WHAT[found.rule], found.written, found.read


def _fields(shape: Shape) -> Mapping[str, Field]:
    found = next(shape.resolved(shape.forms), None)
    return found.fields if isinstance(found, Fields) else {}


def closed(shape: Shape) -> Shape:
    """The same shape, in which no object may have a field that is not declared."""
    return Shape(_closed(shape.forms), {name: _closed(forms) for name, forms in shape.named.items()})


def _closed(forms: Forms) -> Forms:
    return tuple(map(_closed_form, forms))


def _closed_form(form: Form) -> Form:
    replace = msgspec.structs.replace
    if isinstance(form, Fields):
        fields = {name: replace(each, forms=_closed(each.forms)) for name, each in form.fields.items()}
        return replace(form, fields=fields, closed=True)
    if isinstance(form, Items):
        rest = None if form.rest is None else _closed(form.rest)
        return replace(form, first=tuple(map(_closed, form.first)), rest=rest)
    return form

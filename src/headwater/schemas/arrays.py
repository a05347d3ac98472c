"""Comparing what is written as an array: lists, sets, tuples, and classes that are written as arrays."""

import math

import msgspec

from headwater.schemas.forms import Choice, Form, Items, Value
from headwater.schemas.places import Breaks, Comparing, Place, Rule, outside, words
from headwater.schemas.samples import NONE, items, plain, several
from headwater.schemas.telling import counted


def compare_array(by: Comparing, form: Items, readers: list[Form], place: Place) -> Breaks:
    """What breaks between an array and those, of whatever kind, that may be read in its place."""
    others = [each for each in readers if isinstance(each, Items)]
    if len(others) == 1:
        yield from _compare(by, form, others[0], place)
        return
    tags = words(by.written, form.first[0]) if form.first and form.least else None
    by_tag = {tag: each for each in others for tag in words(by.reader, each.first[0]) or ()}
    if tags is None:
        yield by.value(form, readers, place, plain(by.written, (form,)))
        return
    for tag in tags:
        tagged = msgspec.structs.replace(form, first=((Choice((tag,)),), *form.first[1:]))
        if tag in by_tag:
            yield from _compare(by, tagged, by_tag[tag], place)
        else:
            yield by.value(tagged, readers, place, plain(by.written, (tagged,)))


def _compare(by: Comparing, form: Items, other: Items, place: Place) -> Breaks:
    most = _most(by, form)
    accepted = other.least, None if other.ignores else other.most
    for count in outside((form.least, most), accepted):
        said = counted(form.least, most), counted(*accepted)
        yield place.broken(Rule.COUNT, *said, items(by.written, form, count))
    for n, forms in enumerate(form.first):
        reader = other.first[n] if n < len(other.first) else other.rest
        if reader is not None:
            yield from by.forms(forms, reader, _at(by, form, n, place))
    if form.rest is None or most == 0:
        return
    for n, forms in enumerate(other.first):
        if most is None or n < most:
            yield from by.forms(form.rest, forms, _at(by, form, n, place))
    if other.rest is not None:
        yield from by.forms(form.rest, other.rest, _at(by, form, None, place))


def _most(by: Comparing, form: Items) -> int | None:
    """How many there may be: of different ones no more than there are."""
    kinds = by.written.count(form.rest) if form.distinct and form.rest is not None else math.inf
    bounds = [int(each) for each in (form.most, kinds) if each is not None and each != math.inf]
    return min(bounds, default=None)


def _at(by: Comparing, form: Items, n: int | None, place: Place) -> Place:
    """An item: that one, or (None) any."""

    def put(value: Value) -> Value:
        if form.distinct:
            others = several(by.written, form.rest or (), form.least + 1)
            made = [value, *(each for each in others if each != value)][: max(form.least, 1)]
            return made if len(made) >= form.least else NONE
        found = items(by.written, form, max(form.least, (n or 0) + 1))
        return NONE if found is NONE else [*found[: n or 0], value, *found[(n or 0) + 1 :]]

    return place.part("[]" if n is None else f"[{n}]", put)

"""Comparing what is written as an object: classes, unions of them by a tag, and maps."""

import math

import msgspec

from headwater.schemas.forms import Choice, Entries, Field, Fields, Form, Value
from headwater.schemas.places import Break, Breaks, Comparing, Place, Rule, outside, words
from headwater.schemas.samples import NONE, entries, plain
from headwater.schemas.scalars import key_reader, refused, spelled
from headwater.schemas.telling import counted, told

NOTHING = "nothing"


def compare_object(by: Comparing, form: Fields | Entries, readers: list[Form], place: Place) -> Breaks:
    """What breaks between an object and those, of whatever kind, that may be read in its place."""
    others = [each for each in readers if isinstance(each, Fields | Entries)]
    if len(others) == 1:
        yield from _compare(by, form, others[0], place)
        return
    by_tag = {word: each for each in others if isinstance(each, Fields) for word in _tags(by, each)}
    tag = next((each.tag for each in by_tag.values()), "")
    field = form.fields.get(tag) if isinstance(form, Fields) else None
    said = words(by.written, field.forms) if field and field.written else None
    if said is None or field is None or not isinstance(form, Fields):
        yield by.value(form, readers, place, plain(by.written, (form,)))
        return
    for word in said:
        one = msgspec.structs.replace(field, forms=(Choice((word,)),))
        tagged = msgspec.structs.replace(form, fields={**form.fields, tag: one}, tag=tag)
        if word in by_tag:
            yield from _compare(by, tagged, by_tag[word], place)
        else:
            yield by.value(tagged, readers, place, plain(by.written, (tagged,)))


def _tags(by: Comparing, form: Fields) -> tuple[str | int, ...]:
    return words(by.reader, form.fields[form.tag].forms) or () if form.tag else ()


def _compare(by: Comparing, form: Fields | Entries, other: Fields | Entries, place: Place) -> Breaks:
    if isinstance(form, Fields):
        yield from _fields(by, form, other, place) if isinstance(other, Fields) else _into_map(by, form, other, place)
    else:
        yield from _entries(by, form, other, place) if isinstance(other, Entries) else _from_map(by, form, other, place)


def _fields(by: Comparing, form: Fields, other: Fields, place: Place) -> Breaks:
    for name, field in form.fields.items():
        there = other.fields.get(name)
        spot = _field(by, form, name, place)
        if there is not None:
            yield from by.forms(field.forms, there.forms, spot)
        elif other.closed:
            value = plain(by.written, field.forms)
            yield spot.broken(Rule.UNKNOWN, told(field.forms, by.written), NOTHING, value)
    for name, field in other.fields.items():
        here = form.fields.get(name)
        if field.needed and not (here and here.written):
            yield _missing(by, form, name, here, field, place)


def _missing(by: Comparing, form: Fields, name: str, here: Field | None, field: Field, place: Place) -> Break:
    written = f"{NOTHING}, or {told(here.forms, by.written)}" if here else NOTHING
    spot = Place((*place.path, name), place.whole)
    return spot.broken(Rule.MISSING, written, told(field.forms, by.reader), plain(by.written, (form,)))


def _field(by: Comparing, form: Fields, name: str, place: Place) -> Place:
    def put(value: Value) -> Value:
        others = {each: field for each, field in form.fields.items() if each != name}
        made = plain(by.written, (msgspec.structs.replace(form, fields=others),))
        return NONE if made is NONE else made | {name: value}

    return place.part(name, put)


def _into_map(by: Comparing, form: Fields, other: Entries, place: Place) -> Breaks:
    takes = key_reader(tuple(by.reader.resolved(other.keys)))
    for name, field in form.fields.items():
        spot = _field(by, form, name, place)
        if not takes(name):
            read = told(other.keys, by.reader)
            yield spot.broken(Rule.KEYS, f"the key {name!r}", read, plain(by.written, field.forms))
        yield from by.forms(field.forms, other.values, spot)
    written = sum(field.written for field in form.fields.values()), len(form.fields)
    for count in outside(written, (other.least, other.most)):
        example = plain(by.written, (form,), full=count > written[0])
        yield place.broken(Rule.COUNT, counted(*written), counted(other.least, other.most), example)


def _entries(by: Comparing, form: Entries, other: Entries, place: Place) -> Breaks:
    most = _most(by, form)
    for count in outside((form.least, most), (other.least, other.most)):
        said = counted(form.least, most), counted(other.least, other.most)
        yield place.broken(Rule.COUNT, *said, entries(by.written, form, count))
    if most == 0:
        return
    readers = tuple(by.reader.resolved(other.keys))
    for keys in by.written.resolved(form.keys):
        if found := refused(keys, readers, key=True):
            example = NONE if found.value is msgspec.UNSET else _holding(by, form, spelled(found.value))
            yield place.broken(Rule.KEYS, told((keys,), by.written), told(other.keys, by.reader), example)
    yield from by.forms(form.values, other.values, _entry(by, form, None, place))


def _from_map(by: Comparing, form: Entries, other: Fields, place: Place) -> Breaks:
    most = _most(by, form)
    writes = key_reader(tuple(by.written.resolved(form.keys)))
    all_keys = by.written.count(form.keys) <= form.least
    for name, field in other.fields.items():
        may = most != 0 and writes(name)
        if may:
            yield from by.forms(form.values, field.forms, _entry(by, form, name, place))
        if field.needed and not (may and all_keys):
            spot = Place((*place.path, name), place.whole)
            example = entries(by.written, form, form.least)
            yield spot.broken(Rule.MISSING, NOTHING, told(field.forms, by.reader), example)
    known = (Choice(tuple(other.fields)),) if other.fields else ()
    for keys in by.written.resolved(form.keys) if other.closed and most != 0 else ():
        if found := refused(keys, known, key=True):
            example = NONE if found.value is msgspec.UNSET else _holding(by, form, spelled(found.value))
            yield place.broken(Rule.KEYS, told((keys,), by.written), "none but its fields", example)


def _most(by: Comparing, form: Entries) -> int | None:
    """How many there may be: no more than there are keys."""
    bounds = [int(each) for each in (form.most, by.written.count(form.keys)) if each is not None and each != math.inf]
    return min(bounds, default=None)


def _entry(by: Comparing, form: Entries, key: str | None, place: Place) -> Place:
    """The value of that key, or (None) of any."""

    def put(value: Value) -> Value:
        some = entries(by.written, form, 1)
        name = key if key is not None else next(iter(some), None) if some is not NONE else None
        found = NONE if name is None else _holding(by, form, name)
        return NONE if found is NONE else found | {name: value}

    return place.part("{}" if key is None else key, put)


def _holding(by: Comparing, form: Entries, key: str) -> Value:
    """A map with that key."""
    some, value = entries(by.written, form, form.least), plain(by.written, form.values)
    if some is NONE or value is NONE:
        return NONE
    others = [str(each) for each in some if each != key][: max(form.least - 1, 0)]
    return dict.fromkeys([key, *others], value)

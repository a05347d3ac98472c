"""Values that a schema allows: one that is as plain as can be, or many that try its bounds out."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

from headwater.schemas.forms import Anything, Entries, Fields, Form, Forms, Items, Shape, Value
from headwater.schemas.scalars import numbered, spelled, values

NONE: Final[Any] = object()
"""No value is known: of a pattern, of what contains itself without end."""

DEPTH = 24


def plain(shape: Shape, forms: Forms | None = None, *, full: bool = False, depth: int = DEPTH) -> Value:
    """A plain value, or NONE; `full`, with all that may be left out, as an example for people."""
    if depth == 0:
        return NONE
    found = (_plain(shape, form, full, depth) for form in shape.resolved(shape.forms if forms is None else forms))
    known = [value for value in found if value is not NONE]
    if full and len(known) > 1 and known[0] is None:
        return known[1]
    return known[0] if known else NONE


def _plain(shape: Shape, form: Form, full: bool, depth: int) -> Value:
    if isinstance(form, Fields):
        wanted = {name: each.forms for name, each in form.fields.items() if each.written or (full and depth > 20)}
        made = {name: plain(shape, forms, full=full, depth=depth - 1) for name, forms in wanted.items()}
        unknown = [name for name, value in made.items() if value is NONE]
        if any(form.fields[name].written for name in unknown):
            return NONE
        return {name: value for name, value in made.items() if name not in unknown}
    if isinstance(form, Items):
        return items(shape, form, max(form.least, int(full and form.rest is not None and form.most != 0)), full, depth)
    if isinstance(form, Entries):
        return entries(shape, form, max(form.least, int(full and form.most != 0)), full=full, depth=depth)
    return {} if isinstance(form, Anything) else next(values(form), NONE)


def items(shape: Shape, form: Items, count: int, full: bool = False, depth: int = DEPTH) -> Value:
    """An array of that many items, or NONE."""
    made = [plain(shape, forms, full=full, depth=depth - 1) for forms in form.first[:count]]
    more = count - len(made)
    if more and form.rest is not None:
        one = plain(shape, form.rest, full=full, depth=depth - 1)
        made += several(shape, form.rest, more) if form.distinct and more > 1 else [one] * more
    return NONE if len(made) < count or any(each is NONE for each in made) else made


def several(shape: Shape, forms: Forms, count: int) -> list[Value]:
    """Up to that many different values."""
    found: list[Value] = []
    for value in chain(*(map(numbered, shape.resolved(forms))), _many(shape, forms, DEPTH)):
        if len(found) == count:
            break
        if value not in found:
            found.append(value)
    return found


def entries(shape: Shape, form: Entries, count: int, *, full: bool = False, depth: int = DEPTH) -> Value:
    """An object of that many entries, or NONE."""
    value = plain(shape, form.values, full=full, depth=depth - 1) if count else None
    keys = dict.fromkeys(map(spelled, several(shape, form.keys, count)))
    return NONE if len(keys) < count or value is NONE else dict.fromkeys(keys, value)


def many(shape: Shape, limit: int = 200) -> list[Value]:
    """Up to `limit` values: plain ones, in which each part in turn takes the values at its bounds."""
    return list(islice(_many(shape, shape.forms, DEPTH), limit))


def _many(shape: Shape, forms: Forms, depth: int) -> Iterator[Value]:
    if depth == 0:
        return
    for form in shape.resolved(forms):
        base = _plain(shape, form, False, depth)
        if isinstance(form, Fields):
            if base is not NONE:
                yield base
                for name, field in form.fields.items():
                    yield from (base | {name: value} for value in islice(_many(shape, field.forms, depth - 1), 40))
        elif isinstance(form, Items):
            if base is not NONE:
                yield base
            yield from _arrays(shape, form, depth)
        elif isinstance(form, Entries):
            if base is not NONE:
                yield base
            if form.most is None or form.most > form.least:
                more = entries(shape, form, form.least + 1)
                yield from () if more is NONE else (more,)
        elif isinstance(form, Anything):
            yield from ({}, None, True, 1, 1.5, "text", [])
        else:
            yield from values(form)


def _arrays(shape: Shape, form: Items, depth: int) -> Iterator[Value]:
    if form.most == 0:
        return
    if form.rest is not None:
        for value in islice(_many(shape, form.rest, depth - 1), 40):
            if form.least <= 1:
                yield [value]
    base = items(shape, form, len(form.first), depth=depth)
    for n, forms in enumerate(form.first):
        for value in islice(_many(shape, forms, depth - 1), 40) if base is not NONE else ():
            yield [*base[:n], value, *base[n + 1 :]]

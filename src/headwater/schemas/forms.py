"""What JSON a schema allows, as plain data: the form that a value may have, by what it looks like in JSON."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Value = Any
"""A JSON value, as Python has it. What is written with a fraction or an exponent is a float."""


class Form(msgspec.Struct, frozen=True, gc=False):
    """One form of a value. A type has one, or several of which any will do (`Forms`)."""


Forms = tuple[Form, ...]


class Anything(Form, frozen=True, gc=False):
    """Any JSON."""


class Null(Form, frozen=True, gc=False):
    """null."""


class Flag(Form, frozen=True, gc=False):
    """true or false; `values` are those that it may be."""

    values: tuple[bool, ...] = (False, True)


class Number(Form, frozen=True, gc=False):
    """A number: `whole`, or one with a fraction, which may be written as a whole one too. Bounds are included, but for
    `above` and `below`."""

    whole: bool
    least: float | int | None = None
    above: float | int | None = None
    most: float | int | None = None
    below: float | int | None = None
    step: float | int | None = None


class Text(Form, frozen=True, gc=False):
    """A string. `format` says what it spells ("": nothing, else as in JSON Schema); lengths are in characters, for
    "base64" in bytes. Of a `zone` a time may have one (None), must have one (True), must have none (False)."""

    format: str = ""
    least: int | None = None
    most: int | None = None
    pattern: str | None = None
    zone: bool | None = None


class Choice(Form, frozen=True, gc=False):
    """One of these strings or whole numbers."""

    values: tuple[str | int, ...]


class Items(Form, frozen=True, gc=False):
    """An array: first items of the forms in `first`, then any number of those of `rest` (None: no more). `least` and
    `most` count all. `distinct`: no two are equal. `ignores`: a reader passes over what comes behind `first`."""

    first: tuple[Forms, ...] = ()
    rest: Forms | None = None
    least: int = 0
    most: int | None = None
    distinct: bool = False
    ignores: bool = False


class Field(msgspec.Struct, frozen=True, gc=False):
    """A field of an object: always `written`, or maybe; `needed` by who reads it, or not."""

    forms: Forms
    written: bool
    needed: bool


class Fields(Form, frozen=True, gc=False):
    """An object with declared fields. `closed`: a reader refuses others. `tag` names the field that tells which one of
    several it is."""

    fields: Mapping[str, Field]
    closed: bool = False
    tag: str = ""


class Entries(Form, frozen=True, gc=False):
    """An object with any number of entries of one kind: JSON's keys are strings, which spell `keys`."""

    keys: Forms
    values: Forms
    least: int = 0
    most: int | None = None


class Named(Form, frozen=True, gc=False):
    """What is defined elsewhere under that name."""

    name: str


class Opaque(Form, frozen=True, gc=False):
    """A class of which only the name is known: nobody but itself reads it."""

    name: str


ANYTHING: Forms = (Anything(),)


class Shape(msgspec.Struct, frozen=True, gc=False):
    """A whole schema: its forms, and those that have names."""

    forms: Forms
    named: Mapping[str, Forms] = {}

    def resolved(self, forms: Forms) -> Iterator[Form]:
        """The forms with names looked up, one by one."""
        for form in forms:
            if isinstance(form, Named):
                yield from self.resolved(self.named[form.name])
            else:
                yield form

    def count(self, forms: Forms) -> float:
        """How many different values there are; infinity where that may be."""
        return sum(map(self._count, self.resolved(forms)))

    def _count(self, form: Form) -> float:
        if isinstance(form, Null):
            return 1
        if isinstance(form, Flag | Choice):
            return len(form.values)
        if isinstance(form, Number) and form.whole:
            low, high = whole_bounds(form)
            step = int(form.step or 1)
            if low is not None and high is not None:
                return max(0, high // step - (low - 1) // step)
        if isinstance(form, Text) and not form.format and form.most == 0:
            return 1
        return math.inf


def whole_bounds(form: Number) -> tuple[int | None, int | None]:
    """The least and the greatest whole number that it may be."""
    lows = [math.ceil(form.least)] if form.least is not None else []
    lows += [math.floor(form.above) + 1] if form.above is not None else []
    highs = [math.floor(form.most)] if form.most is not None else []
    highs += [math.ceil(form.below) - 1] if form.below is not None else []
    return max(lows, default=None), min(highs, default=None)

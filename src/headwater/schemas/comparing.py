"""What breaks between two schemas of one event: whether all that is written by one is read by the other.

What is written is what msgspec encodes of the class, where a field with a default may also be left out: an earlier
version of the class may not have had it, and others publish as the schema lets them. What is read is what msgspec
decodes into the class.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from headwater.schemas.arrays import compare_array
from headwater.schemas.forms import (
    ANYTHING,
    Anything,
    Entries,
    Fields,
    Flag,
    Form,
    Forms,
    Items,
    Named,
    Null,
    Number,
    Shape,
    Text,
    Value,
)
from headwater.schemas.objects import compare_object
from headwater.schemas.places import Break, Breaks, Place, Rule
from headwater.schemas.reading import read
from headwater.schemas.samples import NONE
from headwater.schemas.scalars import refused
from headwater.schemas.telling import told

Json = Mapping[str, Any]


class Direction(Enum):
    """Who reads what the other has written."""

    BACKWARD = "backward"
    """The new code reads what the old one wrote."""
    FORWARD = "forward"
    """The old code reads what the new one writes."""


def breaks(old: Json, new: Json, direction: Direction) -> list[Break]:
    """What keeps one side from reading what the other writes, in the order of the fields; nothing where all is read.

    Raises MalformedData for what is not a schema of `describing`.
    """
    if direction is Direction.BACKWARD:
        return compare(read(old), read(new))
    return compare(read(new), read(old))


def compare(written: Shape, reader: Shape) -> list[Break]:
    """What keeps `reader` from reading what is `written`."""
    return list(_Comparison(written, reader).forms(written.forms, reader.forms, Place()))


_ALL_JSON: Forms = (
    Null(), Flag(), Number(True), Number(False), Text(), Items((), ANYTHING), Entries((Text(),), ANYTHING)
)  # fmt: skip


class _Comparison:
    def __init__(self, written: Shape, reader: Shape) -> None:
        self.written = written
        self.reader = reader
        self._assumed: list[tuple[Forms, Forms]] = []

    def forms(self, written: Forms, reader: Forms, place: Place) -> Breaks:
        """See Comparing."""
        if (written, reader) in self._assumed:
            return  # it contains itself, and what breaks in it is told further out
        readers = list(self.reader.resolved(reader))
        if any(isinstance(each, Anything) for each in readers):
            return
        named = any(isinstance(each, Named) for each in (*written, *reader))
        self._assumed += [(written, reader)] if named else []
        for form in self.written.resolved(written):
            yield from self._form(form, readers, place)
        del self._assumed[len(self._assumed) - named :]

    def _form(self, form: Form, readers: list[Form], place: Place) -> Breaks:
        if isinstance(form, Anything):
            for each in _ALL_JSON:
                yield from self._form(each, readers, place)
        elif isinstance(form, Fields | Entries):
            yield from compare_object(self, form, readers, place)
        elif isinstance(form, Items):
            yield from compare_array(self, form, readers, place)
        elif found := refused(form, readers):
            yield self.value(form, readers, place, NONE if found.value is msgspec.UNSET else found.value)

    def value(self, form: Form, readers: list[Form], place: Place, value: Value) -> Break:
        """See Comparing."""
        return place.broken(Rule.VALUE, told((form,), self.written), told(tuple(readers), self.reader), value)

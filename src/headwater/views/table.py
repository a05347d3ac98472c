"""A view's row class as a table: one column a field."""

import dataclasses
import datetime
import decimal
import enum
import inspect
from collections.abc import Callable, Sequence
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Generic, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from headwater.errors import DeclarationError, UnknownType

S = TypeVar("S")
Row = tuple[Any, ...]
Convert = Callable[[Any], Any]


class Column(NamedTuple):
    """`type` is 'text', 'integer', 'boolean' (0 or 1), 'real', 'decimal' (its digits as text) or 'json' (a nested
    value as JSON text).
    `encode` and `decode` convert between a field's value and the column's; None where they are the same. `shape` is
    the field's annotation."""

    name: str
    type: str
    encode: Convert | None = None
    decode: Convert | None = None
    shape: str = ""


class Table(NamedTuple):
    """A table to be made: either `columns`, the first of which is the key, and `indexes`; or its SQL `body`."""

    name: str
    columns: Sequence[Column] = ()
    indexes: Sequence[tuple[str, ...]] = ()
    body: str = ""


class RowTable(Generic[S]):
    """Rows of a class as tuples of column values, and back."""

    def __init__(self, view: str, cls: type[S], indexes: Sequence[str | tuple[str, ...]]) -> None:
        fields = _fields(view, cls)
        self.cls = cls
        self.columns = [_column(name, type)._replace(shape=str(type)) for name, type in fields]
        self.names = [column.name for column in self.columns]
        if len(fields) < 2 or self.columns[0].type != "text" or self.columns[0].encode:
            raise DeclarationError(f"view {view!r}: the first field of {cls.__qualname__} holds the key and is a str; "
                                   "further fields follow")  # fmt: skip
        self.table = Table(view, self.columns, [self._index(view, index) for index in indexes])
        self._values: Callable[[S], Row] = attrgetter(*self.names)
        self._encoders = [(i, column.encode) for i, column in enumerate(self.columns) if column.encode]
        self._decoders = [(i, column.decode) for i, column in enumerate(self.columns) if column.decode]
        self._by_name = any(p.kind is p.KEYWORD_ONLY for p in inspect.signature(cls).parameters.values())

    def _index(self, view: str, index: str | tuple[str, ...]) -> tuple[str, ...]:
        names = (index,) if isinstance(index, str) else tuple(index)
        if unknown := set(names) - set(self.names):
            raise DeclarationError(f"view {view!r}: no field {sorted(unknown)} to index; there are {self.names}")
        return names

    def column(self, name: str) -> Column:
        """The column of that name. Raises UnknownType."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownType("field", name, tuple(self.names))

    def to_row(self, state: S) -> Row:
        """A state as column values."""
        row = self._values(state)
        if not self._encoders:
            return row
        values = list(row)
        for i, encode in self._encoders:
            if values[i] is not None:
                values[i] = encode(values[i])
        return tuple(values)

    def from_row(self, row: Sequence[Any]) -> S:
        """Column values as a state."""
        values = list(row)
        for i, decode in self._decoders:
            if values[i] is not None:
                values[i] = decode(values[i])
        return self.cls(**dict(zip(self.names, values, strict=True))) if self._by_name else self.cls(*values)


def _fields(view: str, cls: type) -> list[tuple[str, Any]]:
    if issubclass(cls, msgspec.Struct):
        return [(field.name, field.type) for field in msgspec.structs.fields(cls)]
    if dataclasses.is_dataclass(cls):
        hints = get_type_hints(cls)
        return [(field.name, hints[field.name]) for field in dataclasses.fields(cls)]
    raise DeclarationError(f"view {view!r}: a row is a msgspec.Struct or a dataclass, not {cls.__qualname__}")


def _column(name: str, annotation: Any) -> Column:
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        if len(parts) == 1:
            return _column(name, parts[0])
    for cls, kind, encode, decode in _SCALARS:
        if annotation is cls:
            return Column(name, kind, encode, decode)
    if get_origin(annotation) is Literal and all(isinstance(value, str) for value in get_args(annotation)):
        return Column(name, "text")
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        whole = all(isinstance(member.value, int) for member in annotation)
        return Column(name, "integer" if whole else "text", attrgetter("value"), annotation)
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(annotation)
    return Column(name, "json", _to_json, decoder.decode)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_SCALARS: tuple[tuple[type, str, Convert | None, Convert | None], ...] = (
    (str, "text", None, None),
    (bool, "boolean", int, bool),
    (int, "integer", None, int),
    (float, "real", None, None),
    (decimal.Decimal, "decimal", str, decimal.Decimal),
    (datetime.datetime, "text", datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    (datetime.date, "text", datetime.date.isoformat, datetime.date.fromisoformat),
)

"""Upcasting at the speed of decoding: where fields are only renamed, added with a default and dropped, an old event is
decoded in one step into a struct that has today's fields under the old names."""

import inspect
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import FieldInfo, astuple

from headwater.upcasting import Change, Dropped, Renamed, WithDefault

T = TypeVar("T")

_MISSING: Any = object()
_IMMUTABLE = (str, int, float, NoneType, Decimal, datetime)
NOWHERE = "\u2060"  # behind a name (and not to be seen in messages) makes one that no data has


class Origin(NamedTuple):
    """Where a field's value comes from: a name in the old data (None: nowhere), or else a default."""

    name: str | None
    default: Any = _MISSING


class Shape(Generic[T]):
    """Old events of a class: `struct` is what they are decoded into, `make` what they are then."""

    def __init__(self, cls: type[T], struct: type[msgspec.Struct]) -> None:
        made: Callable[..., T] = cls
        self.struct = struct
        self.make: Callable[[msgspec.Struct], T] = lambda old: made(*astuple(old))


def shape(cls: type[T], changes: Sequence[Change]) -> Shape[T] | None:
    """The shape of a class's events before these changes; None where it takes more than that to tell.

    Raises msgspec.ValidationError where a default is not of its field's type.
    """
    if not (issubclass(cls, msgspec.Struct) and _is_plain(cls)):
        return None
    origins: dict[str, Origin] = {}
    for change in changes:
        if not _follow(change, origins):
            return None
    fields = msgspec.structs.fields(cls)
    if _in_doubt(fields):
        return None
    names, made = {}, []
    for each in fields:
        origin = origins.get(each.encode_name, Origin(each.encode_name))
        names[each.name] = origin.name if origin.name is not None else each.encode_name + NOWHERE
        made.append((each.name, each.type, _field(each, origin)))
    return Shape(cls, msgspec.defstruct(f"{cls.__name__}Before", made, rename=names, kw_only=True, gc=False))


def _is_plain(cls: type[msgspec.Struct]) -> bool:
    config = cls.__struct_config__
    kinds = {each.kind for each in inspect.signature(cls).parameters.values()}
    return (
        kinds <= {inspect.Parameter.POSITIONAL_OR_KEYWORD}
        and not config.forbid_unknown_fields
        and not config.array_like
        and config.tag is None
    )


def _in_doubt(fields: Sequence[FieldInfo]) -> bool:
    return len({each.encode_name for each in fields}) < len(fields)


def _follow(change: Change, origins: dict[str, Origin]) -> bool:
    """Note what a change does to the fields. False for one that is more than it says."""
    if isinstance(change, Renamed):
        origins[change.new] = origins.get(change.old, Origin(change.old))
        if change.old != change.new:
            origins[change.old] = Origin(None)
    elif isinstance(change, WithDefault):
        origin = origins.get(change.field, Origin(change.field))
        if origin.default is _MISSING:
            origins[change.field] = Origin(origin.name, change.value)
    elif isinstance(change, Dropped):
        origins |= dict.fromkeys(change.fields, Origin(None))
    else:
        return False
    return True


def _field(info: FieldInfo, origin: Origin) -> Any:
    if origin.default is not _MISSING:
        value = msgspec.convert(origin.default, info.type)
        if isinstance(value, _IMMUTABLE):
            return msgspec.field(default=value)
        return msgspec.field(default_factory=lambda: msgspec.convert(origin.default, info.type))
    if info.default is not msgspec.NODEFAULT:
        return msgspec.field(default=info.default)
    if info.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=info.default_factory)
    return msgspec.field()

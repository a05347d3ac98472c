"""How an event that was written is read today: as its class reads it, or as upcasters and then a class do."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headwater.codec import EventCatalog
from headwater.errors import BadInput
from headwater.messages import Kind
from headwater.schemas.comparing import compare
from headwater.schemas.describing import schema_of
from headwater.schemas.forms import Choice, Field, Fields, Flag, Form, Forms, Items, Null, Number, Shape, Value
from headwater.schemas.places import Break, Rule
from headwater.schemas.reading import read
from headwater.schemas.samples import NONE, many, plain
from headwater.schemas.snapshot import Json
from headwater.upcasting import Change, Dropped, Renamed, WithDefault


def breaks_today(events: EventCatalog, kind: Kind, schema: Json) -> list[Break]:
    """What keeps the code of today from reading events of a kind that were written by that schema.

    Upcasters that rename, drop and add with a default are followed on the schema itself. Those with functions of the
    user's are tried out, on events that the schema allows: what none of them shows is not found.
    """
    written, cls = read(schema), events.types.get(kind)
    if cls is not None:
        return compare(written, read(schema_of(cls)))
    if kind not in events.chains:
        return [Break((), Rule.UNKNOWN, f"{kind.type} version {kind.version}", "nothing of that version")]
    straight = events.chains.straight(kind)
    way = followed(written, straight[0]) if straight else None
    if straight and way is not None:
        found = compare(way.shape, read(schema_of(events.types[straight[1]])))
        return [msgspec.structs.replace(each, example=way.before(each.example)) for each in found]
    return _tried(events, kind, many(written))


def _tried(events: EventCatalog, kind: Kind, values: Iterable[Value]) -> list[Break]:
    for value in values:
        try:
            events.decode_data(kind, msgspec.json.encode(value))
        except BadInput as error:
            why = str(error).removeprefix(f"malformed event {kind.type!r} version {kind.version}: ")
            return [Break((), Rule.VALUE, f"such an event ({why})", "what its upcasters make of it", value)]
    return []


class Way(msgspec.Struct, frozen=True):
    """What events are after some changes: `shape`; `origins` says for each field which one it was, `filled` which got a
    value where they were left out."""

    shape: Shape
    written: Shape
    origins: Mapping[str, str]
    filled: Mapping[str, Any]

    def before(self, value: Any) -> Any:
        """An event as it was written which becomes that one; UNSET if none is known."""
        made: Any = plain(self.written)
        if value is msgspec.UNSET or made is NONE:
            return msgspec.UNSET
        for name, origin in self.origins.items():
            if name in value and not (name in self.filled and same(value[name], self.filled[name])):
                made[origin] = value[name]
            else:
                made.pop(origin, None)
        return made


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same JSON: 1 and true are not."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)


def followed(written: Shape, changes: Iterable[Change]) -> Way | None:
    """What becomes of events by these changes; None where that can't be told from them."""
    forms = list(written.resolved(written.forms))
    if len(forms) != 1 or not isinstance(forms[0], Fields):
        return None
    fields = dict(forms[0].fields)
    origins = {name: name for name in fields}
    filled: dict[str, Any] = {}
    for change in changes:
        if isinstance(change, Renamed):
            _rename(change, fields, origins, filled)
        elif isinstance(change, WithDefault):
            before = fields.get(change.field)
            value = msgspec.to_builtins(change.value, str_keys=True)
            if before is None or not before.written:
                fields[change.field] = Field((*(before.forms if before else ()), *constant(value)), True, True)
                filled[change.field] = value
        elif isinstance(change, Dropped):
            for known in (fields, origins, filled):
                for name in change.fields:
                    known.pop(name, None)
        else:
            return None
    return Way(Shape((Fields(fields),), written.named), written, origins, filled)


def _rename(change: Renamed, *all_known: dict[str, Any]) -> None:
    for known in all_known:
        known.pop(change.new, None)
        if change.old in known:
            known[change.new] = known.pop(change.old)


def constant(value: Any) -> Forms:
    """The forms of one JSON value."""
    return (_constant(value),)


def _constant(value: Any) -> Form:
    match value:
        case None:
            return Null()
        case bool():
            return Flag((value,))
        case str() | int():
            return Choice((value,))
        case float():
            return Number(False, value, None, value)
        case dict():
            return Fields({name: Field(constant(each), True, True) for name, each in value.items()})
        case _:
            items = tuple(constant(each) for each in value)
            return Items(items, None, len(items), len(items))

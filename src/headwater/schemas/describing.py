"""JSON Schemas (2020-12) of classes: what msgspec writes for them, and all that its reading depends on.

Where JSON Schema has no word for it, a keyword that begins with `x-` has: `x-timezone` ("optional": with or without),
`x-keys` (what the keys of an object spell), `x-bytes` (lengths before Base64), `x-tag` (the field that names the
class), `x-classification` (who may see it).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import NODEFAULT, UNSET
from msgspec import inspect as mi

from headwater.schemas.markers import classifications

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FOR_PEOPLE = ("title", "description", "examples", "deprecated", "$comment")
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NUMBER = _BOUNDS | {"multiple_of": "multipleOf"}
_STRING = {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"}
_ARRAY = {"min_length": "minItems", "max_length": "maxItems"}
_OBJECT = {"min_length": "minProperties", "max_length": "maxProperties"}


def schema_of(cls: Any) -> Json:
    """The schema of a class (or any type that msgspec knows), whole: what it mentions is in its `$defs`."""
    describer = Describer("#/$defs/{}")
    (info,) = mi.multi_type_info([cls])
    schema = describer.body(info)
    definitions = describer.definitions()
    return schema | ({"$defs": definitions} if definitions else {})


class Describer:
    """Describes types; a class that they mention is described once, under a name of its own, and referred to by
    `reference`, such as "#/$defs/{}"."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._names: dict[Any, str] = {}
        self._infos: dict[str, mi.Type] = {}
        self._made: dict[str, Json] = {}

    def ref(self, cls: Any) -> Json:
        """The schema of a type; for a class a reference."""
        (info,) = mi.multi_type_info([cls])
        return self._schema(info)

    def definitions(self) -> dict[str, Json]:
        """The schemas of all classes that were referred to, by name."""
        while waiting := [name for name in self._infos if name not in self._made]:
            for name in waiting:
                self._made[name] = self.body(self._infos[name])
        return dict(sorted(self._made.items()))

    def body(self, info: mi.Type) -> Json:
        """The schema itself, also of a class."""
        for kinds, describe in _CLASSES:
            if isinstance(info, kinds):
                return describe(self, info)
        return self._schema(info)

    def _schema(self, info: mi.Type) -> Json:
        if isinstance(info, mi.Metadata):
            return self._schema(info.type) | _said(info)
        if isinstance(info, _NAMED):
            return {"$ref": self._reference.format(self._name(info))}
        for kinds, describe in _PLAIN:
            if isinstance(info, kinds):
                return describe(self, info)
        raise TypeError(f"msgspec describes a type of which nothing is known here: {info!r}")

    def _name(self, info: Any) -> str:
        cls: type = info.cls
        name = self._names.get(cls)
        if name is None:
            name = _word(cls.__name__)
            if name in self._infos:
                name = _word(f"{cls.__module__}.{cls.__qualname__}")
            while name in self._infos:
                name += "_"
            self._names[cls], self._infos[name] = name, info
        return name

    # -- plain types

    def _union(self, info: Any) -> Json:
        return {"anyOf": [self._schema(each) for each in info.types]}

    def _array(self, info: Any) -> Json:
        found: Json = {"type": "array", "items": self._schema(info.item_type)} | _bounds(info, _ARRAY)
        if isinstance(info, mi.SetType | mi.FrozenSetType):
            found["uniqueItems"] = True
        return found

    def _tuple(self, info: mi.TupleType) -> Json:
        size = len(info.item_types)
        return _prefixed([self._schema(each) for each in info.item_types], size, size)

    def _map(self, info: Any) -> Json:
        found: Json = {"type": "object", "additionalProperties": self._schema(info.value_type)}
        keys = self._schema(info.key_type)
        if keys.get("type") == "string":
            found |= {"propertyNames": keys} if len(keys) > 1 else {}
        elif keys:
            found["x-keys"] = keys
        return found | _bounds(info, _OBJECT)

    # -- classes

    def _struct(self, info: mi.StructType) -> Json:
        tag: Json = {info.tag_field: {"const": info.tag}} if info.tag_field else {}
        if info.array_like:
            items = [*tag.values(), *(self._field(each, info) for each in info.fields)]
            needed = max((n for n, each in enumerate(info.fields, 1) if each.required), default=0) + len(tag)
            found = _prefixed(items, needed, len(items) if info.forbid_unknown_fields else None)
            return _titled(info) | found | ({"x-tag": 0} if tag else {})
        found = self._object(info, tag)
        if info.forbid_unknown_fields:
            found["additionalProperties"] = False
        return found | ({"x-tag": info.tag_field} if tag else {})

    def _object(self, info: Any, tag: Json | None = None) -> Json:
        properties = dict(tag or {})
        properties |= {each.encode_name: self._field(each, info) for each in info.fields}
        required = [*(tag or {}), *(each.encode_name for each in info.fields if each.required)]
        return _titled(info) | {"type": "object", "properties": properties, "required": sorted(required)}

    def _named_tuple(self, info: mi.NamedTupleType) -> Json:
        items = [self._field(each, info) for each in info.fields]
        return _titled(info) | _prefixed(items, sum(each.required for each in info.fields), len(items))

    def _field(self, field: mi.Field, info: Any) -> Json:
        found = self._schema(field.type) | _default(field)
        said = classifications(info.cls).get(field.name)
        return found | ({"x-classification": said} if said else {})

    def _enum(self, info: mi.EnumType) -> Json:
        return _titled(info) | {"enum": sorted(each.value for each in info.cls)}


def _prefixed(items: list[Json], least: int, most: int | None) -> Json:
    found: Json = {"type": "array", "prefixItems": items} if items else {"type": "array"}
    found |= {"minItems": least} if least else {}
    return found | ({"items": False, "maxItems": most} if most is not None else {})


def _bounds(info: Any, words: Mapping[str, str]) -> Json:
    found = {word: getattr(info, name) for name, word in words.items()}
    return {word: value for word, value in found.items() if value is not None}


def _text(format: str) -> Callable[[Any, Any], Json]:
    return lambda _, info: {"type": "string", "format": format}


def _moment(format: str) -> Callable[[Any, Any], Json]:
    def describe(_: Any, info: Any) -> Json:
        if info.tz is False:
            return {"type": "string", "format": f"{format}-local"}
        return {"type": "string", "format": format} | ({"x-timezone": "optional"} if info.tz is None else {})

    return describe


def _bytes(_: Any, info: Any) -> Json:
    bounds = {"min": info.min_length, "max": info.max_length}
    said = {name: value for name, value in bounds.items() if value is not None}
    return {"type": "string", "contentEncoding": "base64"} | ({"x-bytes": said} if said else {})


def _literal(_: Any, info: mi.LiteralType) -> Json:
    return {"enum": sorted(info.values, key=lambda value: (type(value).__name__, value or 0))}


_NAMED = (mi.StructType, mi.DataclassType, mi.TypedDictType, mi.NamedTupleType, mi.EnumType)
_CLASSES: tuple[tuple[Any, Callable[[Describer, Any], Json]], ...] = (
    (mi.StructType, Describer._struct),
    ((mi.DataclassType, mi.TypedDictType), Describer._object),
    (mi.NamedTupleType, Describer._named_tuple),
    (mi.EnumType, Describer._enum),
)
_PLAIN: tuple[tuple[Any, Callable[[Describer, Any], Json]], ...] = (
    ((mi.AnyType, mi.RawType), lambda *_: {}),
    (mi.NoneType, lambda *_: {"type": "null"}),
    (mi.BoolType, lambda *_: {"type": "boolean"}),
    (mi.IntType, lambda _, info: {"type": "integer"} | _bounds(info, _NUMBER)),
    (mi.FloatType, lambda _, info: {"type": "number"} | _bounds(info, _NUMBER)),
    (mi.StrType, lambda _, info: {"type": "string"} | _bounds(info, _STRING)),
    ((mi.BytesType, mi.ByteArrayType, mi.MemoryViewType), _bytes),
    (mi.DateTimeType, _moment("date-time")),
    (mi.TimeType, _moment("time")),
    (mi.DateType, _text("date")),
    (mi.TimeDeltaType, _text("duration")),
    (mi.UUIDType, _text("uuid")),
    (mi.DecimalType, _text("decimal")),
    (mi.LiteralType, _literal),
    (mi.UnionType, Describer._union),
    (mi.TupleType, Describer._tuple),
    (mi.CollectionType, Describer._array),
    ((mi.DictType, mi.FrozenDictType), Describer._map),
    ((mi.CustomType, mi.ExtType), lambda _, info: {"x-class": _class_name(info)}),
)


def _class_name(info: Any) -> str:
    cls = getattr(info, "cls", type(info))
    return f"{cls.__module__}.{cls.__qualname__}"


def _said(info: mi.Metadata) -> Json:
    """What a Meta says for people. What it says of the form, msgspec does not check: it is left out."""
    return {word: value for word, value in (info.extra_json_schema or {}).items() if word in _FOR_PEOPLE}


def _titled(info: Any) -> Json:
    said = (info.cls.__doc__ or "").strip()
    # A dataclass, a NamedTuple and an Enum are given a docstring where they have none.
    made = said.startswith(f"{info.cls.__name__}(") or said == "An enumeration."
    about = {"description": re.sub(r"[ \t]*\n[ \t]*", " ", said)} if said and not made else {}
    return {"title": info.cls.__name__} | about


def _default(field: mi.Field) -> Json:
    if field.default_factory in (list, dict, set, frozenset, tuple):
        return {"default": field.default_factory() if field.default_factory in (list, dict) else []}
    if field.default is NODEFAULT or field.default is UNSET:
        return {}
    try:
        return {"default": msgspec.json.decode(msgspec.json.encode(field.default))}
    except (TypeError, ValueError, msgspec.MsgspecError):
        return {}


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_")


def describe(types: Iterable[Any], reference: str) -> tuple[list[Json], dict[str, Json]]:
    """The schemas of types, and those of all classes in them by name, to be found at `reference`."""
    describer = Describer(reference)
    found = [describer.ref(each) for each in types]
    return found, describer.definitions()

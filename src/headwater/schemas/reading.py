"""From JSON Schemas, as `describing` writes them, to the forms that they allow."""

from collections.abc import Mapping
from typing import Any

from headwater.errors import MalformedData
from headwater.schemas.forms import (
    ANYTHING,
    Choice,
    Entries,
    Field,
    Fields,
    Flag,
    Forms,
    Items,
    Named,
    Null,
    Number,
    Opaque,
    Shape,
    Text,
)

Json = Mapping[str, Any]

_TEXT: Forms = (Text(),)


def read(schema: Json) -> Shape:
    """The shape that a whole schema allows. Raises MalformedData for one that says something unknown here."""
    try:
        named = {name: _forms(each) for name, each in schema.get("$defs", {}).items()}
        return Shape(_forms(schema), named)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MalformedData("JSON Schema", f"{type(error).__name__}: {error}") from error


def _forms(schema: Json) -> Forms:
    if "$ref" in schema:
        return (Named(schema["$ref"].rpartition("/")[2]),)
    if "anyOf" in schema:
        return tuple(form for each in schema["anyOf"] for form in _forms(each))
    if "const" in schema:
        return _values([schema["const"]])
    if "enum" in schema:
        return _values(schema["enum"])
    if "x-class" in schema:
        return (Opaque(schema["x-class"]),)
    kind = schema.get("type")
    return ANYTHING if kind is None else _READ[kind](schema)


def _values(values: list[Any]) -> Forms:
    found: Forms = (Null(),) if None in values else ()
    flags = tuple(each for each in values if isinstance(each, bool))
    found += (Flag(flags),) if flags else ()
    others = tuple(each for each in values if each is not None and not isinstance(each, bool))
    return found + ((Choice(others),) if others else ())


def _number(schema: Json) -> Forms:
    return (
        Number(
            schema["type"] == "integer", schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum"),
            schema.get("exclusiveMaximum"), schema.get("multipleOf"),
        ),
    )  # fmt: skip


def _text(schema: Json) -> Forms:
    if schema.get("contentEncoding") == "base64":
        lengths = schema.get("x-bytes", {})
        return (Text("base64", lengths.get("min"), lengths.get("max")),)
    format = schema.get("format", "")
    if format in ("date-time", "time"):
        return (Text(format, zone=None if schema.get("x-timezone") == "optional" else True),)
    if format in ("date-time-local", "time-local"):
        return (Text(format.removesuffix("-local"), zone=False),)
    return (Text(format, schema.get("minLength"), schema.get("maxLength"), schema.get("pattern")),)


def _array(schema: Json) -> Forms:
    if "items" in schema and schema["items"] is not False:
        distinct = schema.get("uniqueItems", False)
        return (Items((), _forms(schema["items"]), schema.get("minItems", 0), schema.get("maxItems"), distinct),)
    first = tuple(map(_forms, schema.get("prefixItems", ())))
    most = schema.get("maxItems")
    return (Items(first, None, schema.get("minItems", 0), len(first), ignores=most is None),)


def _object(schema: Json) -> Forms:
    if "properties" in schema:
        required, tag = set(schema.get("required", ())), schema.get("x-tag", "")
        # Who reads one class, and not one of several, does not miss its tag.
        fields = {
            name: Field(_forms(each), name in required, name in required and name != tag)
            for name, each in schema["properties"].items()
        }
        return (Fields(fields, schema.get("additionalProperties") is False, tag),)
    keys = _forms(schema["x-keys"]) if "x-keys" in schema else _forms(schema.get("propertyNames", {"type": "string"}))
    values = _forms(schema.get("additionalProperties", {}))
    return (Entries(keys, values, schema.get("minProperties", 0), schema.get("maxProperties")),)


_READ = {
    "null": lambda _: (Null(),),
    "boolean": lambda _: (Flag(),),
    "integer": _number,
    "number": _number,
    "string": _text,
    "array": _array,
    "object": _object,
}

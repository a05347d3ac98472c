"""An example of each event: the one that its class declares, or one that is made up from its schema."""

from typing import Any, NamedTuple

import msgspec

from headwater.codec import about, kind_of
from headwater.errors import DeclarationError
from headwater.schemas.describing import schema_of
from headwater.schemas.reading import read
from headwater.schemas.samples import NONE, plain

Json = dict[str, Any]

_WORDS = {
    "date-time": "2026-01-31T09:30:00Z", "date-time-local": "2026-01-31T09:30:00", "time": "09:30:00Z",
    "time-local": "09:30:00", "date": "2026-01-31", "duration": "PT15M", "decimal": "9.90",
    "uuid": "0190a8c4-7d2e-7b8a-9c3f-1f2e3d4c5b6a",
}  # fmt: skip
DEPTH = 6


class Example(NamedTuple):
    """An event's data as JSON has it; `declared` by its class, or made up."""

    value: Any
    declared: bool


def example_of(cls: type) -> Example | None:
    """An example of an event class; None where none can be made up (its schema has patterns, say).

    Raises DeclarationError where the class declares one that is none of its events.
    """
    declared = about(cls).example
    if declared is not None:
        value = msgspec.to_builtins(declared, str_keys=True)
        try:
            msgspec.json.decode(msgspec.json.encode(value), type=cls)
        except msgspec.ValidationError as error:
            raise DeclarationError(f"the example of event {kind_of(cls).type!r} is none: {error}") from error
        return Example(value, True)
    schema = schema_of(cls)
    for made in (_made(schema, schema.get("$defs", {}), "", DEPTH), plain(read(schema), full=True)):
        try:
            msgspec.json.decode(msgspec.json.encode(None if made is NONE else made), type=cls)
        except msgspec.ValidationError:
            continue
        return Example(made, False)
    return None


def _made(schema: Json, named: dict[str, Json], name: str, depth: int) -> Any:
    """A value that looks like one, where bounds and patterns allow."""
    if "$ref" in schema and depth:
        return _made(named[schema["$ref"].rpartition("/")[2]], named, name, depth - 1)
    for word in ("examples", "enum"):
        if schema.get(word):
            return schema[word][0]
    for word in ("const", "default"):
        if word in schema and schema[word] not in (None, "", [], {}):
            return schema[word]
    if "anyOf" in schema:
        others = [each for each in schema["anyOf"] if each.get("type") != "null"]
        return _made(others[0] if depth else schema["anyOf"][-1], named, name, depth)
    return _of_type(schema, named, name, depth)


def _of_type(schema: Json, named: dict[str, Json], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {each: _made(of, named, each, depth) for each, of in schema["properties"].items()}
        case "object":
            return {"key": _made(schema.get("additionalProperties", {}), named, name, depth)} if depth else {}
        case "array" if "prefixItems" in schema:
            return [_made(each, named, name, depth) for each in schema["prefixItems"]]
        case "array":
            items = schema.get("items")
            return [_made(items, named, name, depth)] * max(schema.get("minItems", 1), 1) if items and depth else []
        case "integer" | "number":
            least: Any = schema.get("minimum", schema.get("exclusiveMinimum", 0))
            return max(1, int(least) + 1) * schema.get("multipleOf", 1)
        case "boolean":
            return True
        case "string":
            if "contentEncoding" in schema:
                return "aGVhZHdhdGVy"
            return _WORDS.get(schema.get("format", "")) or f"{name or 'text'}"[: schema.get("maxLength")]
    return None

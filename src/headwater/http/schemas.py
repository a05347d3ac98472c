"""JSON Schemas (2020-12) of an application's classes, from msgspec, made exact where msgspec says too little."""

from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from headwater.http.params import MAX_INT

Json = dict[str, Any]

# What msgspec reads as a Decimal: a string, or a number as it stands. Its format `decimal` is none that is registered.
_DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?$"
_DECIMAL = {"type": ["string", "number"], "pattern": _DECIMAL_PATTERN}

_AWARE = Annotated[datetime, msgspec.Meta(tz=True)]


class ProblemDetails(msgspec.Struct):
    """Problem details (RFC 9457). `type` says which, further members are its facts."""

    type: str
    title: str
    status: int
    detail: str


class Schemas:
    """Collects the classes that a document mentions. A class is described once, under `components`."""

    def __init__(self) -> None:
        self._given: list[tuple[Json, Any, bool]] = []

    def ref(self, type: Any, *, query: bool = False) -> Json:
        """The schema of a type, filled in by `components`; with `query`, as a parameter is written."""
        schema: Json = {}
        self._given.append((schema, _written(type) if query else type, query))
        return schema

    def components(self) -> Json:
        """The schemas of all classes, by name; fills in all that `ref` handed out."""
        types = [type for _, type, _ in self._given]
        made, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
        for (schema, _, query), found in zip(self._given, made, strict=True):
            exact: Json = _exact(found)
            schema.update(_as_parameter(exact) if query else exact)
        described: Json = _exact(components)
        return described


def _exact(node: Any) -> Any:
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            return {key: value for key, value in node.items() if key != "format"} | _DECIMAL
        return {key: _exact(value) for key, value in node.items()}
    return [_exact(value) for value in node] if isinstance(node, list) else node


def _written(type: Any) -> Any:
    """A field's type as a parameter is written: text has no null, and a time says where it is meant."""
    parts = get_args(type) if get_origin(type) in (Union, UnionType) else (type,)
    return Union[tuple(_AWARE if part is datetime else part for part in parts if part is not NoneType)]  # noqa: UP007


def _as_parameter(schema: Json) -> Json:
    """A column holds no number beyond 64 bits."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_as_parameter(each) for each in schema["anyOf"]]}
    return {"minimum": -MAX_INT, "maximum": MAX_INT, **schema} if schema.get("type") == "integer" else schema

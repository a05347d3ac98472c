"""SQL for the tables of views. Pure."""

import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from headwater.adapters.postgres import packing
from headwater.errors import BadInput, DeclarationError
from headwater.views.port import Build
from headwater.views.table import Column, Table

TYPES = {"text": 'text COLLATE "C"', "integer": "numeric", "real": "float8", "decimal": "numeric", "json": "text",
         "boolean": "boolean"}  # fmt: skip
ARRAYS = {**TYPES, "text": "text"}
MAX_NAME_BYTES = 63
Where = Sequence[tuple[str, Sequence[Any]]]
Order = Sequence[tuple[str, bool]]

# Text, names, comments, and what lies between them; dollar-quoted text too.
_TOKENS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(\$\w*\$).*?\1|\?\?|\?\d*|%""", re.DOTALL)


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def physical(schema: str, build: Build, table: Table) -> str:
    """The build's own table. Raises DeclarationError where its name is longer than PostgreSQL's names are."""
    name = f"{table.name}__{build.id}"
    if len(name.encode()) > MAX_NAME_BYTES:
        raise DeclarationError(f"view {build.name!r}: the table name {table.name!r} is too long for PostgreSQL")
    return f"{quoted(schema)}.{quoted(name)}"


def create(schema: str, build: Build, table: Table) -> list[str]:
    """Statements that make a build's table and its indexes."""
    name = physical(schema, build, table)
    if table.body:
        return [f"CREATE TABLE {name} ({table.body})"]
    key, *others = [f"{quoted(column.name)} {TYPES[column.type]}" for column in table.columns]
    statements = [f"CREATE TABLE {name} ({', '.join([key + ' PRIMARY KEY', *others])})"]
    for columns in table.indexes:  # in the order in which `find` sorts
        names = ", ".join(f"{quoted(each)} NULLS FIRST" for each in columns)
        statements.append(f"CREATE INDEX ON {name} ({names})")
    return statements


def columns(table: Table) -> str:
    """All columns as the port hands them over: decimals as text."""
    return ", ".join(f"{quoted(c.name)}::text" if c.type == "decimal" else quoted(c.name) for c in table.columns)


def put(name: str, table: Table) -> str:
    """Puts rows that come as one array for each column."""
    names = [quoted(column.name) for column in table.columns]
    arrays = ", ".join(f"%s::{ARRAYS[column.type]}[]" for column in table.columns)
    sets = ", ".join(f"{each} = excluded.{each}" for each in names[1:])
    return f"INSERT INTO {name} SELECT * FROM unnest({arrays}) ON CONFLICT ({names[0]}) DO UPDATE SET {sets}"


def arrays(table: Table, rows: Sequence[Sequence[Any]]) -> list[Any]:
    """Rows as one array for each column."""
    return [_array(column.type, values) for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)]


def _array(type: str, values: Sequence[Any]) -> Any:
    if type == "boolean":
        return [None if value is None else bool(value) for value in values]
    if type == "real":
        return list(values)
    if type == "integer":
        with suppress(struct.error):  # not whole, missing, or beyond 64 bits
            return packing.integers(values)
        values = [None if value is None else str(value) for value in values]
    return packing.texts([None if value is None else value.encode() for value in values])


def where(table: Table, conditions: Where) -> tuple[str, list[Any]]:
    """A WHERE clause, and its parameters."""
    types = {column.name: column for column in table.columns}
    parts = [_any_of(types[name], values) for name, values in conditions]
    clause = " WHERE " + " AND ".join(sql for sql, _ in parts) if parts else ""
    return clause, [parameter for _, parameters in parts for parameter in parameters]


def _any_of(column: Column, values: Sequence[Any]) -> tuple[str, list[Any]]:
    name, given = quoted(column.name), [value for value in values if value is not None]
    some = f"{name} = ANY (%s::{ARRAYS[column.type]}[])"
    if column.type == "boolean":
        given = [bool(value) for value in given]
    elif column.type in ("integer", "decimal"):
        given = [str(value) for value in given]
    if None not in values:
        return some, [given]
    return (f"({some} OR {name} IS NULL)", [given]) if given else (f"{name} IS NULL", [])


def order(by: Order) -> str:
    """An ORDER BY clause for the table `t`. Nothing comes before everything, as in SQLite."""
    parts = [f"t.{quoted(name)} {'DESC NULLS LAST' if descending else 'NULLS FIRST'}" for name, descending in by]
    return f" ORDER BY {', '.join(parts)}" if parts else ""


def placeholders(text: str) -> tuple[str, list[int]]:
    """SQL with `?` or `?1` for parameters as the driver wants it, and which parameter stands at each place; `??` stands
    for PostgreSQL's own operator `?`."""
    places: list[int] = []

    def turn(found: re.Match[str]) -> str:
        token = found[0]
        if token == "??":
            return "?"
        if token[0] != "?":
            return token.replace("%", "%%")
        places.append(int(token[1:]) - 1 if token[1:] else max(places, default=-1) + 1)
        return "%s"

    return _TOKENS.sub(turn, text), places


def placed(parameters: Sequence[Any], places: Sequence[int]) -> tuple[Any, ...]:
    """Parameters in the order of their places. Raises BadInput where their number is wrong."""
    if len(parameters) != max(places, default=-1) + 1:
        raise BadInput(f"there are {len(parameters)} parameters for {max(places, default=-1) + 1} places")
    return tuple(parameters[place] for place in places)

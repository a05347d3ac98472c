"""The tables of consumers in the file of a SQLite store.

A table `name` is kept as `name__kept`, with a SQL view under its plain name: what queries see cannot be written.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter

import apsw

from headwater.errors import DeclarationError
from headwater.fold import Statement

KNOWN = "SELECT consumer, definition FROM delivery_table WHERE name = ?"
NOTE = "INSERT INTO delivery_table (name, consumer, definition) VALUES (?, ?, ?)"
_sql, _parameters = itemgetter(0), itemgetter(1)
TAKEN = "SELECT type FROM sqlite_schema WHERE lower(name) IN (lower(?), lower(?)) LIMIT 1"


def prepare(connection: apsw.Connection, consumer: str, tables: Mapping[str, str]) -> dict[str, str]:
    """See DeliveryStore.prepare."""
    for name, body in tables.items():
        definition = " ".join(body.split())
        known: tuple[str, str] | None = connection.execute(KNOWN, (name,)).get
        if known is None:
            _create(connection, consumer, name, definition)
        elif known != (consumer, definition):
            raise DeclarationError(_difference(consumer, name, definition, *known))
    return {name: _kept(name) for name in tables}


def run(connection: apsw.Connection, consumer: str, statements: Iterable[Statement], tables: Mapping[str, str]) -> None:
    """Run statements in order; equal ones that follow each other, together. Raises DeclarationError."""
    cursor = connection.cursor()
    resolved: dict[str, str] = {}
    with _folded(consumer):
        for sql, run in groupby(statements, _sql):
            text = resolved.get(sql)
            if text is None:
                text = resolved[sql] = _resolve(sql, tables)
            cursor.executemany(text, map(_parameters, run))


def _resolve(sql: str, tables: Mapping[str, str]) -> str:
    """Put the names of tables in for `{table}`."""
    for name, kept in tables.items():
        sql = sql.replace("{" + name + "}", kept)
    return sql


@contextmanager
def _folded(consumer: str) -> Iterator[None]:
    """Running what a consumer's function made."""
    try:
        yield
    except (apsw.SQLError, apsw.BindingsError, apsw.ConstraintError, apsw.MismatchError) as error:
        raise DeclarationError(f"consumer {consumer!r}: its SQL cannot be run: {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise DeclarationError(f"consumer {consumer!r}: a statement holds what SQLite cannot: {error}") from error


def _kept(name: str) -> str:
    return _quoted(f"{name}__kept")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _create(connection: apsw.Connection, consumer: str, name: str, definition: str) -> None:
    kind = connection.execute(TAKEN, (name, f"{name}__kept")).get
    if kind is not None:
        raise DeclarationError(
            f"consumer {consumer!r}: the store itself or a view has a {kind} {name!r}; give yours another name"
        )
    with _folded(consumer):
        connection.execute(f"CREATE TABLE {_kept(name)} ({definition})")
    connection.execute(f"CREATE VIEW {_quoted(name)} AS SELECT * FROM {_kept(name)}")
    connection.execute(NOTE, (name, consumer, definition))


def _difference(consumer: str, name: str, definition: str, owner: str, there: str) -> str:
    if owner != consumer:
        return f"consumer {consumer!r}: the table {name!r} is consumer {owner!r}'s; give yours another name"
    return (
        f"consumer {consumer!r}: the table {name!r} was made with other columns ({there}), which stay as they are; "
        f"give the one with the columns ({definition}) another name"
    )

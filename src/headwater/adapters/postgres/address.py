"""Where a store is: a server, a database, and a schema in it."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from headwater.errors import BadInput

SCHEMA = "headwater"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")


class Address(NamedTuple):
    """`conninfo` is what the driver takes; `shown` names the place in messages, without the password."""

    conninfo: str
    schema: str
    shown: str


def parse(url: str, default: str = SCHEMA) -> Address:
    """The parts of 'postgresql://user:password@host:port/database?schema=name'. The schema is `default` unless told;
    every other parameter goes to the driver. Raises BadInput."""
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        schema = parameters.pop("schema", default)
        conninfo = urlunsplit(("postgresql", *parts[1:3], urlencode(parameters, quote_via=quote), ""))
        known = conninfo_to_dict(conninfo)
    except (ValueError, psycopg.ProgrammingError) as error:
        raise BadInput(f"store address {_without_password(url)!r}: {str(error).strip()}") from error
    if not _NAME.match(schema) or schema.startswith("pg_"):
        raise BadInput(f"schema {schema[:80]!r}: a name of lower-case letters, digits and _, at most 63 characters")
    where = f"{known.get('host') or 'localhost'}:{known.get('port') or 5432}/{known.get('dbname') or ''}"
    return Address(conninfo, schema, f"postgresql://{where}" + (f"?schema={schema}" if schema != SCHEMA else ""))


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)

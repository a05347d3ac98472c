"""PostgreSQL for contenders: the address of a round's database, and a table that holds what an event store's does."""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

TABLE = """
CREATE TABLE event (
    position bigserial PRIMARY KEY, stream text NOT NULL, version bigint NOT NULL, kind integer NOT NULL,
    time bigint NOT NULL, data text NOT NULL, meta text NOT NULL, UNIQUE (stream, version))
"""


def address(directory: Path) -> str:
    """The address of the empty database that goes with a directory."""
    return (directory / "postgres").read_text()


def with_table(directory: Path) -> str:
    """That address, with the table made."""
    url = address(directory)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
    return url


def copied(filled: str, directory: Path) -> str:
    """The address of a copy of a filled database, that nobody uses, in place of a round's empty one."""
    url = address(directory)
    source, target = (sql.Identifier(urlsplit(each).path.lstrip("/")) for each in (filled, url))
    with psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {}").format(target))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(target, source))
        connection.execute("CHECKPOINT")
    return url

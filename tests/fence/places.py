"""Where a test's store is."""

from collections.abc import Callable

import psycopg

from headwater.testing.postgres import PostgresServer

NewSchema = Callable[[PostgresServer], str]


def place(server: PostgresServer, new_schema: NewSchema) -> tuple[str, str, str]:
    """The address of a store, its database's, and its schema."""
    url = new_schema(server)
    return url, server.url(), url.rpartition("=")[2]


def value(database: str, sql: str) -> object:
    """The first column of the first row."""
    with psycopg.connect(database, autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
        return row[0] if row else None


def lines_held(database: str, schema: str) -> object:
    """How many locks of a store are held by transactions that have not ended."""
    return value(database, f"SELECT count(*) FROM {schema}.held")

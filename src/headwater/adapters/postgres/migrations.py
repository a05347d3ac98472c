"""The store's tables, made and changed by ordered files of SQL, each in a transaction, under a lock."""

from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import psycopg
from psycopg import sql

from headwater.adapters.postgres.address import SCHEMA
from headwater.errors import StoreCorrupt, StoreNotFound, StoreOutdated, StoreTooNew

# From the tables themselves: what a name is resolved to may be remembered from before a wait for the lock.
IS_THERE = """
    SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = 'migration'
"""
# CREATE SCHEMA IF NOT EXISTS wants the right to make one, even where it is there.
SCHEMA_IS_THERE = "SELECT FROM pg_namespace WHERE nspname = %s"
MIGRATED = """
    CREATE TABLE IF NOT EXISTS {}.migration (
        version integer PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())
"""


class Migration(NamedTuple):
    """`sql` is written for the schema `headwater`."""

    version: int
    name: str
    sql: str


def known() -> list[Migration]:
    """The migrations that this Headwater brings, in order."""
    folder = files("headwater.adapters.postgres").joinpath("sql")
    found = sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql"))
    return [Migration(int(name[:4]), name[5:-4], folder.joinpath(name).read_text("utf-8")) for name in found]


def in_schema(text: str, schema: str) -> str:
    """SQL that is written for the schema `headwater`, for another one."""
    return text.replace(f"{SCHEMA}.", f'"{schema}".')  # it may be a word of SQL's: order, user


async def stored_version(connection: psycopg.AsyncConnection, schema: str) -> int:
    """The version of the store in a schema; 0 where there is none."""
    if await (await connection.execute(IS_THERE, (schema,))).fetchone() is None:
        return 0
    query = sql.SQL("SELECT coalesce(max(version), 0) FROM {}.migration").format(sql.Identifier(schema))
    row = await (await connection.execute(query)).fetchone()
    return int(row[0]) if row else 0


async def check(connection: psycopg.AsyncConnection, schema: str, store: str) -> None:
    """Raises StoreNotFound, StoreOutdated or StoreTooNew unless the schema holds a store of this version."""
    there, newest = await stored_version(connection, schema), known()[-1].version
    if not there:
        raise StoreNotFound(store, f"there is no store in schema {schema!r}")
    if there < newest:
        raise StoreOutdated(store, f"the store has schema version {there}, this Headwater works with {newest}")
    if there > newest:
        raise StoreTooNew(store, f"the store has schema version {there}, this Headwater knows {newest}")


async def migrate(
    connection: psycopg.AsyncConnection, schema: str, store: str, migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """Apply what the store in a schema does not have yet, and return it. Whoever comes meanwhile waits.

    Each migration is a transaction: one that is interrupted leaves nothing, and is done the next time.
    """
    todo = known() if migrations is None else migrations
    if (there := await stored_version(connection, schema)) > todo[-1].version:
        raise StoreTooNew(store, f"the store has schema version {there}, this Headwater knows {todo[-1].version}")
    return [each for each in todo if each.version > there and await _apply(connection, schema, each, store)]


async def _apply(connection: psycopg.AsyncConnection, schema: str, migration: Migration, store: str) -> bool:
    """Apply a migration, unless somebody else has done so meanwhile."""
    name = sql.Identifier(schema)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"headwater {schema}",))
        if await stored_version(connection, schema) >= migration.version:
            return False
        if await (await connection.execute(SCHEMA_IS_THERE, (schema,))).fetchone() is None:
            await connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        await connection.execute(sql.SQL(MIGRATED).format(name))
        try:
            await connection.execute(in_schema(migration.sql, schema).encode())
        except (psycopg.errors.DuplicateObject, psycopg.errors.DuplicateTable) as error:
            why = f"schema {schema!r} holds something else ({str(error).splitlines()[0]}); choose another"
            raise StoreCorrupt(store, why) from error
        record = sql.SQL("INSERT INTO {}.migration (version, name) VALUES (%s, %s)").format(name)
        await connection.execute(record, (migration.version, migration.name))
    return True

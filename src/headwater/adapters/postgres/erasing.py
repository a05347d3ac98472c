"""Leaving nothing of tables that were dropped. Their files are gone with them; what the planner noted of their values
is not."""

from contextlib import suppress

from psycopg import errors as pg

from headwater.adapters.postgres.server import Connection, Server

# VACUUM FULL keeps old rows for as long as anybody's transaction may see them; a table that is truncated and filled
# again is a new file, whoever looks on.
ALONE = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
REWRITE = (
    "CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM {}",
    "TRUNCATE {}",
    "INSERT INTO {} SELECT * FROM kept",
)
# Each is refused to users who do not own the catalog: by a warning, or an error.
STATEMENTS = "VACUUM (FULL) pg_catalog.pg_statistic", "CHECKPOINT"


async def rewrite(connection: Connection, table: str) -> None:
    """Write a table anew without rows that are deleted, or were changed since. In a transaction, which nobody else can
    use the table in until its end."""
    for statement in (ALONE, *REWRITE):
        await connection.execute(statement.format(table).encode())


async def scrub(server: Server) -> None:
    """Leave nothing of snapshots that were dropped; and, as far as this user may, remove dropped tables' most common
    values from the planner's statistics, and have dropped files removed.

    The server's write-ahead log, its archives, standbys and backups are the operator's to look after.
    """

    async def work(connection: Connection) -> None:
        async with connection.transaction():
            await rewrite(connection, server.sql("headwater.snapshot").decode())
        for statement in STATEMENTS:
            with suppress(pg.InsufficientPrivilege):
                await connection.execute(statement.encode())

    await server.run(work)

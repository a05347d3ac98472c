"""Keys of personal data in a schema of their own, best in a database whose backups are not kept with the events'."""

import asyncio
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any, Self

import psycopg

from headwater.adapters.postgres import migrations
from headwater.adapters.postgres.address import parse
from headwater.adapters.postgres.erasing import rewrite
from headwater.adapters.postgres.faults import translate
from headwater.adapters.postgres.migrations import Migration
from headwater.adapters.postgres.server import Connection, Server
from headwater.clock import Clock, SystemClock
from headwater.errors import StoreCorrupt, StoreNotFound
from headwater.keys.port import SubjectKey, new_key

SCHEMA = "headwater_keys"
TABLES = """
-- One row per subject. Of a key that was destroyed the row stays, without the secret.
CREATE TABLE headwater.key (
    id        text PRIMARY KEY,
    subject   text   NOT NULL UNIQUE,
    secret    bytea  NOT NULL,
    created   bigint NOT NULL,
    destroyed bigint NOT NULL DEFAULT 0,
    by        text   NOT NULL DEFAULT ''
);
-- How many keys were destroyed.
CREATE TABLE headwater.generation (number bigint NOT NULL);
INSERT INTO headwater.generation VALUES (0);
"""
STEPS = [Migration(1, "keys", TABLES)]

COLUMNS = "id, subject, secret, created, destroyed, by"
IS_THERE = "SELECT to_regclass('headwater.generation') IS NOT NULL"
FIND = f"SELECT {COLUMNS} FROM headwater.key WHERE id = ANY (%s)"
OF_SUBJECTS = f"SELECT {COLUMNS} FROM headwater.key WHERE subject = ANY (%s)"
MAKE = """
    INSERT INTO headwater.key (id, subject, secret, created)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::bigint[]) ON CONFLICT (subject) DO NOTHING
"""
GENERATION = "SELECT number FROM headwater.generation"
ALONE = "LOCK TABLE headwater.key IN ACCESS EXCLUSIVE MODE"
DESTROY = "UPDATE headwater.key SET secret = '', destroyed = %s, by = %s WHERE subject = %s AND destroyed = 0"
COUNT = "UPDATE headwater.generation SET number = number + 1"


class PostgresKeys:
    """KeyStore in a schema of a PostgreSQL database.

    What is destroyed is gone from the table's files at once. The server's write-ahead log, its archives, standbys and
    backups are the operator's to look after.
    """

    shared = True

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server = server
        self.address = server.address.shown
        self._clock = clock

    @classmethod
    async def open(cls, url: str, *, create: bool = True, clock: Clock | None = None, patience: float = 10.0) -> Self:
        """Open the keys at 'postgresql://…?schema=name', made if they are not there and `create`. The schema is
        `headwater_keys` unless told, and never that of an event store.

        Raises BadInput, StoreUnavailable, StoreRefused, StoreNotFound, StoreCorrupt, StoreTooNew.
        """
        server = await Server.reach(parse(url, SCHEMA), patience=patience)
        try:
            await _prepare(server, create)
            await server.open_pool()
        except BaseException:
            await server.close()
            raise
        return cls(server, clock or SystemClock())

    async def provide(self, subjects: Collection[str]) -> list[SubjectKey]:
        wanted, now = sorted(subjects), self._clock.now()  # sorted, so that two who make the same wait in turn

        async def work(connection: Connection) -> list[SubjectKey]:
            found = await self._select(connection, OF_SUBJECTS, wanted)
            there = {key.subject for key in found}
            if not (new := [new_key(subject, now) for subject in wanted if subject not in there]):
                return found
            columns = [[key.id, key.subject, key.secret, key.created] for key in new]
            async with connection.transaction():
                await connection.execute("SET LOCAL synchronous_commit = on")
                await connection.execute(self._server.sql(MAKE), [list(each) for each in zip(*columns, strict=True)])
            return found + await self._select(connection, OF_SUBJECTS, [key.subject for key in new])

        return await self._server.run(work)

    async def find(self, ids: Collection[str]) -> list[SubjectKey]:
        wanted = list(ids)
        return await self._server.run(lambda connection: self._select(connection, FIND, wanted))

    async def look_up(self, subject: str) -> SubjectKey | None:
        found = await self._server.run(lambda connection: self._select(connection, OF_SUBJECTS, [subject]))
        return found[0] if found else None

    async def _select(self, connection: Connection, sql: str, values: Sequence[str]) -> list[SubjectKey]:
        cursor = await connection.execute(self._server.sql(sql), (list(values),))
        return [SubjectKey(*row) for row in await cursor.fetchall()]

    async def destroy(self, subject: str, by: str) -> SubjectKey | None:
        now = self._clock.now()

        async def work(connection: Connection) -> SubjectKey | None:
            async with connection.transaction():
                await connection.execute("SET LOCAL synchronous_commit = on")
                await connection.execute(self._server.sql(ALONE))
                done = await connection.execute(self._server.sql(DESTROY), (now, by, subject))
                if done.rowcount:
                    await connection.execute(self._server.sql(COUNT))
                await rewrite(connection, self._server.sql("headwater.key").decode())
            found = await self._select(connection, OF_SUBJECTS, [subject])
            return found[0] if found else None

        return await self._server.run(work)

    async def generation(self) -> int:
        async def work(connection: Connection) -> int:
            row: Any = await (await connection.execute(self._server.sql(GENERATION))).fetchone()
            return int(row[0])

        return await self._server.run(work)

    async def close(self) -> None:
        await self._server.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())


async def _prepare(server: Server, create: bool) -> None:
    schema, shown = server.address.schema, server.address.shown
    try:
        async with await server.connect() as connection:
            there = await migrations.stored_version(connection, schema)
            if not there and not create:
                raise StoreNotFound(shown, f"there are no keys in schema {schema!r}")
            if not there:
                await migrations.migrate(connection, schema, shown, STEPS)
            row: Any = await (await connection.execute(server.sql(IS_THERE))).fetchone()
            if not row[0]:
                why = f"schema {schema!r} holds something else; give keys a schema of their own, by ?schema="
                raise StoreCorrupt(shown, why)
    except psycopg.Error as error:
        raise translate(error, shown) from error

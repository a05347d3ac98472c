"""What delivery keeps, in the schema of the events."""

import struct
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, compress
from operator import attrgetter
from typing import Any, TypeVar

import psycopg

from headwater.adapters.postgres import delivery_letters as sql_of
from headwater.adapters.postgres import delivery_tables as tables_of
from headwater.adapters.postgres import packing
from headwater.adapters.postgres.server import Connection
from headwater.adapters.postgres.store import PostgresStore
from headwater.delivery.port import Claim, Count, Letter, Letters, Settled, Wish
from headwater.errors import BadInput, Fenced
from headwater.fold import Statement
from headwater.messages import Offset, Position

T = TypeVar("T")
_statements = attrgetter("statements")

FENCED = "HW001"
INBOX = "SELECT id FROM headwater.delivery_inbox WHERE consumer = %s AND topic = %s"
CLAIM = "SELECT headwater.claim(%s, %s, %s)"
NOTED = f"SELECT id FROM headwater.delivery_noted WHERE inbox = ({INBOX}) AND id = ANY (%b)"
SETTLE = "SELECT headwater.settle(%s, %s, %b, %b, %b, %b, %s)"
FORGET = f"""
    WITH old AS (
        SELECT inbox, id FROM headwater.delivery_noted WHERE inbox = ({INBOX}) AND time < %s ORDER BY time LIMIT %s
    ) DELETE FROM headwater.delivery_noted AS n USING old WHERE n.inbox = old.inbox AND n.id = old.id
"""
REDRIVEN = "SELECT done, more FROM headwater.redriven(%s, %s, %s, %s, %s, %s, %s)"
TAKE_RELAY = """
    INSERT INTO headwater.delivery_relay AS r VALUES (%s, 1, 0) ON CONFLICT (name) DO UPDATE SET epoch = r.epoch + 1
    RETURNING epoch, position
"""
MOVE_RELAY = """
    UPDATE headwater.delivery_relay SET position = greatest(position, %s) WHERE name = %s AND epoch = %s RETURNING name
"""
RELAYS = "SELECT name, position FROM headwater.delivery_relay ORDER BY name"


class PostgresDelivery:
    """DeliveryStore in the schema of a PostgresStore, whose clock tells when something was settled.

    A claim is held, by a lock on its row, until what is done under it is committed; whoever takes it over waits for
    that.
    All calls are made again where the connection breaks, for as long as the store's patience lasts.
    """

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._server = store.server

    async def claim(self, consumer: str, topic: str, partition: int) -> Claim:
        [[epoch]] = await self._ask(CLAIM, consumer, topic, partition)
        return Claim(consumer, topic, partition, epoch)

    async def settled(self, consumer: str, topic: str, ids: Collection[str]) -> set[str]:
        with _bindable():
            asked = sql_of.texts(ids)
        return {sql_of.plain(id) for (id,) in await self._ask(NOTED, consumer, topic, asked)}

    async def settle(self, settled: Sequence[Settled], tables: Mapping[str, str]) -> list[bool]:
        if not settled:
            return []
        with _bindable():
            asked = _asked(settled, self._store.clock.now())

        async def note(connection: Connection) -> tuple[list[bool], Sequence[Statement]]:
            rows: Any = await connection.execute(self._server.sql(SETTLE), asked, prepare=True)
            [places] = await rows.fetchone()
            done = [False] * len(settled)
            for place in places:
                done[place - 1] = True
            return done, list(chain.from_iterable(map(_statements, compress(settled, done))))

        if any(map(_statements, settled)):
            return await self._with_statements(_names(settled), note, tables)
        return (await self._run(note))[0]

    async def forget(self, consumer: str, topic: str, before: int, *, limit: int = 10_000) -> int:
        return await self._do(FORGET, consumer, topic, before, limit)

    async def prepare(self, consumer: str, tables: Mapping[str, str]) -> Mapping[str, str]:
        return await self._run(lambda connection: tables_of.prepare(self._server, connection, consumer, tables))

    # -- dead letters

    async def blocked(self, consumer: str, topic: str, partition: int) -> set[str]:
        return {sql_of.plain(key) for (key,) in await self._ask(sql_of.BLOCKED, consumer, topic, partition)}

    async def rest(self, claim: Claim, letter: Letter, taken: Letter | None = None) -> bool:
        with _bindable():
            sql, row = sql_of.rest(claim, letter, taken)
        [[rests]] = await self._ask(sql, *row)
        return bool(rests)

    async def due(self, claims: Sequence[Claim], now: int, *, limit: int = 100) -> list[Letter]:
        if not claims:
            return []
        sql, parameters = sql_of.due(claims, now, limit)
        return [sql_of.letter(row) for row in await self._ask(sql, *parameters)]

    async def redriven(
        self, claim: Claim, id: str, statements: Sequence[Statement], tables: Mapping[str, str], *, behind: bool
    ) -> bool:
        with _bindable():
            asked = (*claim, sql_of.escaped(id), behind, self._store.clock.now())

        async def take_out(connection: Connection) -> tuple[bool, Sequence[Statement]]:
            rows: Any = await connection.execute(self._server.sql(REDRIVEN), asked, prepare=True)
            done, more = await rows.fetchone()
            return more, statements if done else ()

        return await self._with_statements(claim.consumer, take_out, tables)

    # -- for operators

    async def letters(
        self, which: Letters, *, after: tuple[str, str, int, Offset] | None = None, limit: int = 100
    ) -> list[Letter]:
        with _bindable():
            sql, parameters = sql_of.find(which, after, limit)
        return [sql_of.letter(row) for row in await self._ask(sql, *parameters)]

    async def counts(self) -> list[Count]:
        return [Count(*row) for row in await self._ask(sql_of.COUNT)]

    async def ask(self, which: Letters, wish: Wish, due: int, value: bytes | None = None) -> int:
        with _bindable():
            sql, parameters = sql_of.ask(which, wish, due, value)
        return await self._do(sql, *parameters)

    # -- relays

    async def take_relay(self, name: str) -> tuple[int, Position]:
        [[epoch, position]] = await self._ask(TAKE_RELAY, name)
        return epoch, position

    async def move_relay(self, name: str, epoch: int, position: Position) -> None:
        if not await self._ask(MOVE_RELAY, position, name, epoch):
            raise Fenced(f"relay {name}")

    async def relays(self) -> dict[str, Position]:
        return dict(await self._ask(RELAYS))

    # -- how

    async def _with_statements(
        self, consumer: str, begin: Callable[[Connection], Awaitable[tuple[T, Sequence[Statement]]]],
        tables: Mapping[str, str],
    ) -> T:  # fmt: skip
        """One transaction: what `begin` does, and the statements that it says follow. In two trips."""

        async def work(connection: Connection) -> T:
            begun = False
            try:
                async with self._server.in_one_trip(connection):
                    result, statements = await begin(connection)
                    begun = True
                    await tables_of.run(connection, consumer, statements, tables)
            except tables_of.WRONG as error:
                if begun:
                    raise tables_of.declared(error, consumer) from error
                raise
            return result

        result = await self._run(work)
        self._store.watch.notify()  # of what is in consumers' tables
        return result

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async def fencing(connection: Connection) -> T:
            try:
                return await work(connection)
            except psycopg.Error as error:
                if error.sqlstate == FENCED:
                    raise Fenced(str(error.diag.message_primary)) from error
                raise

        with _bindable():
            return await self._server.run(fencing)

    async def _ask(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        async def ask(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(self._server.sql(sql), parameters, prepare=True)).fetchall()

        return await self._run(ask)

    async def _do(self, sql: str, *parameters: Any) -> int:
        async def do(connection: Connection) -> int:
            return (await connection.execute(self._server.sql(sql), parameters)).rowcount

        return await self._run(do)


@contextmanager
def _bindable() -> Iterator[None]:
    try:
        yield
    except (UnicodeEncodeError, struct.error) as error:
        raise BadInput(f"PostgreSQL cannot hold this: {error}") from error


def _asked(settled: Sequence[Settled], now: int) -> Sequence[Any]:
    """The claims, and of which of them each record is."""
    claims = {claim: place for place, claim in enumerate(dict.fromkeys(each.claim for each in settled), 1)}
    consumers, topics, partitions, epochs = zip(*claims, strict=True)
    return (
        list(consumers), list(topics), packing.integers(partitions), packing.integers(epochs),
        packing.integers([claims[each.claim] for each in settled]), sql_of.texts(each.id for each in settled), now,
    )  # fmt: skip


def _names(settled: Sequence[Settled]) -> str:
    return " and ".join(dict.fromkeys(each.claim.consumer for each in settled))

"""What delivery keeps, in the file of the events: written by its one writer, many calls to a commit."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, compress
from operator import attrgetter
from typing import Any, TypeVar

import apsw
import msgspec

from headwater.adapters.sqlite import delivery_letters as letters
from headwater.adapters.sqlite import delivery_tables as tables_of
from headwater.adapters.sqlite.faults import reading
from headwater.adapters.sqlite.store import SqliteStore
from headwater.delivery.port import Claim, Count, Letter, Letters, Settled, Wish
from headwater.errors import BadInput, Fenced
from headwater.fold import Statement
from headwater.messages import Offset, Position

T = TypeVar("T")
_claim, _id, _statements = attrgetter("claim"), attrgetter("id"), attrgetter("statements")

INBOX = "SELECT id FROM delivery_inbox WHERE consumer = ? AND topic = ?"
OPEN = "INSERT OR IGNORE INTO delivery_inbox (consumer, topic) VALUES (?, ?)"
TAKE = """
    INSERT INTO delivery_claim VALUES (?, ?, 1) ON CONFLICT (inbox, partition) DO UPDATE SET epoch = epoch + 1
    RETURNING epoch
"""
HOLDS = """
    SELECT id FROM delivery_inbox JOIN delivery_claim ON inbox = id
    WHERE consumer = ? AND topic = ? AND partition = ? AND epoch = ?
"""
NOTED = f"SELECT id FROM delivery_noted WHERE inbox = ({INBOX}) AND id IN (SELECT value FROM json_each(?))"
NOTE = "INSERT OR IGNORE INTO delivery_noted (inbox, id, time) SELECT ?1, value, ?2 FROM json_each(?3)"
FORGET = f"""
    WITH old AS (
        SELECT inbox, id FROM delivery_noted WHERE inbox = ({INBOX}) AND time < ? ORDER BY time LIMIT ?
    ) DELETE FROM delivery_noted WHERE (inbox, id) IN old
"""
STATE = "SELECT time IS NOT NULL, key FROM delivery_noted WHERE inbox = ? AND id = ?"
REST = "INSERT INTO delivery_noted (inbox, id, key) VALUES (?, ?, ?)"
SETTLE = "UPDATE delivery_noted SET time = ? WHERE inbox = ? AND id = ?"
TAKE_RELAY = """
    INSERT INTO delivery_relay VALUES (?, 1, 0) ON CONFLICT (name) DO UPDATE SET epoch = epoch + 1
    RETURNING epoch, position
"""
MOVE_RELAY = "UPDATE delivery_relay SET position = max(position, ?) WHERE name = ? AND epoch = ?"


class SqliteDelivery:
    """DeliveryStore in the file of a SqliteStore. Its clock tells when something was settled."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._faults = reading(store.path)

    async def claim(self, consumer: str, topic: str, partition: int) -> Claim:
        def work(connection: apsw.Connection) -> Claim:
            connection.execute(OPEN, (consumer, topic))
            inbox: int = connection.execute(INBOX, (consumer, topic)).get
            return Claim(consumer, topic, partition, connection.execute(TAKE, (inbox, partition)).get)

        return await self._write(work)

    async def settled(self, consumer: str, topic: str, ids: Collection[str]) -> set[str]:
        return self._read(lambda connection: {
            id for (id,) in connection.execute(NOTED, (consumer, topic, _array(ids)))
        })  # fmt: skip

    async def settle(self, settled: Sequence[Settled], tables: Mapping[str, str]) -> list[bool]:
        def work(connection: apsw.Connection) -> list[bool]:
            done = self._note(connection, settled)
            statements = chain.from_iterable(map(_statements, compress(settled, done)))
            tables_of.run(connection, _names(settled), statements, tables)
            return done

        return await self._write(work) if settled else []

    def _note(self, connection: apsw.Connection, settled: Sequence[Settled]) -> list[bool]:
        """Note the records; for each, whether it was not there before."""
        now, claims = self._store.clock.now(), {claim: _hold(connection, claim) for claim in set(map(_claim, settled))}
        if len(set(claims.values())) > 1:
            return [_note(connection, claims[each.claim], now, [each.id])[0] for each in settled]
        return _note(connection, claims[settled[0].claim], now, list(map(_id, settled)))

    async def forget(self, consumer: str, topic: str, before: int, *, limit: int = 10_000) -> int:
        def work(connection: apsw.Connection) -> int:
            connection.execute(FORGET, (consumer, topic, before, limit))
            return connection.changes()

        return await self._write(work)

    async def prepare(self, consumer: str, tables: Mapping[str, str]) -> Mapping[str, str]:
        return await self._write(lambda connection: tables_of.prepare(connection, consumer, tables))

    # -- dead letters

    async def blocked(self, consumer: str, topic: str, partition: int) -> set[str]:
        return self._read(lambda connection: letters.blocked(connection, consumer, topic, partition))

    async def rest(self, claim: Claim, letter: Letter, taken: Letter | None = None) -> bool:
        def work(connection: apsw.Connection) -> bool:
            inbox = _hold(connection, claim)
            state: Any = connection.execute(STATE, (inbox, letter.id)).get
            if state is None:
                connection.execute(REST, (inbox, letter.id, letter.key))
            elif state[0]:
                return False
            letters.put(connection, claim, letter, anew=state is None, taken=taken)
            return True

        return await self._write(work)

    async def due(self, claims: Sequence[Claim], now: int, *, limit: int = 100) -> list[Letter]:
        def work(connection: apsw.Connection) -> list[Letter]:
            held = [claim for claim in claims if connection.execute(HOLDS, claim).get is not None]
            return letters.due(connection, held, now, limit)

        return self._read(work)

    async def redriven(
        self, claim: Claim, id: str, statements: Sequence[Statement], tables: Mapping[str, str], *, behind: bool
    ) -> bool:
        def work(connection: apsw.Connection) -> bool:
            inbox, now = _hold(connection, claim), self._store.clock.now()
            lane = letters.take_out(connection, claim, id)
            if lane is None:  # it was done before
                state: Any = connection.execute(STATE, (inbox, id)).get
                return state is not None and letters.more(connection, letters.Lane(*claim[:3], state[1]))
            connection.execute(SETTLE, (now, inbox, id))
            tables_of.run(connection, claim.consumer, statements, tables)
            return letters.advance(connection, lane, redrive=behind, now=now)

        return await self._write(work)

    # -- for operators

    async def letters(
        self, which: Letters, *, after: tuple[str, str, int, Offset] | None = None, limit: int = 100
    ) -> list[Letter]:
        return self._read(lambda connection: letters.find(connection, which, after, limit))

    async def counts(self) -> list[Count]:
        return self._read(letters.counts)

    async def ask(self, which: Letters, wish: Wish, due: int, value: bytes | None = None) -> int:
        return await self._write(lambda connection: letters.ask(connection, which, wish, due, value))

    # -- relays

    async def take_relay(self, name: str) -> tuple[int, Position]:
        def work(connection: apsw.Connection) -> tuple[int, Position]:
            epoch, position = connection.execute(TAKE_RELAY, (name,)).get
            return epoch, position

        return await self._write(work)

    async def move_relay(self, name: str, epoch: int, position: Position) -> None:
        def work(connection: apsw.Connection) -> None:
            connection.execute(MOVE_RELAY, (position, name, epoch))
            if connection.changes() != 1:
                raise Fenced(f"relay {name}")

        await self._write(work)

    async def relays(self) -> dict[str, Position]:
        sql = "SELECT name, position FROM delivery_relay ORDER BY name"
        return self._read(lambda connection: dict(connection.execute(sql)))

    # -- how

    def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        """What `work` finds, all as of one moment."""
        result: list[T] = []
        connection = self._store.reader
        with self._faults, _bindable(), connection:
            result.append(work(connection))
        return result[0]

    async def _write(self, work: Callable[[apsw.Connection], T]) -> T:
        """What `work` returns, once the writer has committed it."""
        result: list[T] = []

        def within(connection: apsw.Connection) -> T:
            with _bindable():
                result.append(work(connection))
            return result[0]

        return await self._store.transact(within)


@contextmanager
def _bindable() -> Iterator[None]:
    try:
        yield
    except (UnicodeEncodeError, OverflowError) as error:
        raise BadInput(f"SQLite cannot hold this: {error}") from error


def _hold(connection: apsw.Connection, claim: Claim) -> int:
    """The number of a claim's inbox. Raises Fenced."""
    inbox: int | None = connection.execute(HOLDS, claim).get
    if inbox is None:
        raise Fenced(f"{claim.consumer} at {claim.topic}/{claim.partition}")
    return inbox


def _array(ids: Collection[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()


def _names(settled: Sequence[Settled]) -> str:
    return " and ".join(dict.fromkeys(each.claim.consumer for each in settled))


def _note(connection: apsw.Connection, inbox: int, now: int, ids: list[str]) -> list[bool]:
    """Note records of an inbox; for each, whether it was not there before. As a rule none was, and that is quicker to
    tell than which ones were."""
    with suppress(_SomeWereThere), connection:
        connection.execute(NOTE, (inbox, now, _array(ids)))
        if connection.changes() == len(ids):
            return [True] * len(ids)
        raise _SomeWereThere
    new = {id for (id,) in connection.execute(f"{NOTE} RETURNING id", (inbox, now, _array(ids)))}
    done: list[bool] = []
    for id in ids:
        done.append(id in new)
        new.discard(id)
    return done


class _SomeWereThere(Exception):
    """Undoes what was noted."""

"""Removing events and closing streams, each in a transaction beside which nobody appends."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from headwater.adapters.postgres import packing
from headwater.adapters.postgres.grouping import lock_key
from headwater.adapters.postgres.kinds import Kinds
from headwater.adapters.postgres.moving import ALONE, event_arguments
from headwater.adapters.postgres.server import Connection, Server
from headwater.clock import Clock
from headwater.errors import BadInput, UnknownType
from headwater.messages import Envelope, NewEvent, Position, Write
from headwater.store.meta import decode_meta, encode_meta
from headwater.store.port import as_new, check_stream
from headwater.store.removal import (
    CATALOG,
    Cut,
    Removed,
    StreamMark,
    StreamWasClosed,
    about_putting_back,
    about_removal,
    check_closable,
    check_mark,
    check_put_back,
    planned,
    recorded,
    taken,
)

T = TypeVar("T")

STREAMS = """
    SELECT name, id, removed,
        coalesce((SELECT max(version) FROM headwater.event AS e WHERE e.stream = s.id), removed), closed
    FROM headwater.stream AS s WHERE name = ANY (%b)
"""
HEAD = "SELECT coalesce(max(position), 0) FROM headwater.event"
TAGGED = """
    SELECT position, meta FROM unnest(%b, %b) AS cut (stream, before) JOIN headwater.event AS e
        ON e.stream = cut.stream AND e.version < cut.before
    WHERE meta <> ''
"""
TAKEN = "SELECT position FROM headwater.event WHERE position = ANY (%b)"
REMOVE = "SELECT headwater.remove_events(%b, %b, %b, %b)"
PUT_BACK = f"SELECT headwater.put_back_events({', '.join(['%b'] * 9)})"
CLOSE = "UPDATE headwater.stream SET closed = true WHERE name = %s"
MARK = "SELECT headwater.mark_streams(%b, %b, %b)"
MARKS = """
    SELECT name, removed, closed FROM headwater.stream
    WHERE (removed > 0 OR closed) AND name > %s ORDER BY name LIMIT %s
"""
RECORD = "SELECT headwater.append_one(%s, %s, -1, %s, %s, %s, %s)"

Place = tuple[int, int, int, bool]
"""Of a stream: its number, up to which version its events are gone, its version, and whether it is closed."""


class Remover:
    """Removes, closes and puts back, on connections of its own."""

    def __init__(self, server: Server, kinds: Kinds, clock: Clock) -> None:
        self._server = server
        self._kinds = kinds
        self._clock = clock

    async def remove(self, cuts: Sequence[Cut], actor: str, reason: str) -> Removed:
        """See EventStore.remove."""

        async def work(connection: Connection) -> Removed:
            places = await self._places(connection, [cut.stream for cut in cuts])
            known = {stream: (removed, version) for stream, (_, removed, version, _) in places.items()}
            wanted = planned(cuts, known)
            if not wanted:
                return Removed(0, 0, 0)
            about = about_removal(wanted, known, reason)
            numbers = packing.integers([places[cut.stream][0] for cut in wanted])
            befores = packing.integers([cut.before for cut in wanted])
            tagged = await self._rows(connection, TAGGED, (numbers, befores))
            tags = [(tag, position) for position, meta in tagged for tag in decode_meta(meta).tags]
            texts = packing.texts([tag.encode() for tag, _ in tags])
            gone = numbers, befores, texts, packing.integers([position for _, position in tags])
            await self._rows(connection, REMOVE, gone)
            return Removed(about.events, about.streams, await self._record(connection, recorded(about, actor)))

        return await self._alone(work)

    async def close(self, stream: str, actor: str, reason: str) -> tuple[int, Position]:
        """See EventStore.close_stream; and the position of the event that records it, if there is a new one."""
        check_stream(stream)
        check_closable(stream)

        async def work(connection: Connection) -> tuple[int, Position]:
            places = await self._places(connection, [stream])
            if stream not in places:
                raise UnknownType("stream", stream)
            _, _, version, closed = places[stream]
            if closed:
                return version, 0
            await connection.execute(self._server.sql(CLOSE), (stream,))
            return version, await self._record(connection, recorded(StreamWasClosed(stream, version, reason), actor))

        return await self._alone(work)

    async def marks(self, after: str, limit: int) -> list[StreamMark]:
        """See EventStore.marks."""

        async def ask(connection: Connection) -> list[StreamMark]:
            return [StreamMark(*row) for row in await self._rows(connection, MARKS, (after, limit))]

        return await self._server.run(ask)

    async def mark(self, marks: Sequence[StreamMark]) -> None:
        """See EventStore.mark."""
        for each in marks:
            check_stream(each.stream)

        async def work(connection: Connection) -> None:
            places = await self._places(connection, [each.stream for each in marks])
            for each in marks:
                _, removed, version, _ = places.get(each.stream, (0, 0, 0, False))
                check_mark(each, removed, version)
            names = packing.texts([each.stream.encode() for each in marks])
            removed_upto = packing.integers([each.removed for each in marks])
            closed = packing.integers([int(each.closed) for each in marks])
            await self._rows(connection, MARK, (names, removed_upto, closed))

        await self._alone(work)

    async def put_back(self, events: Sequence[Envelope], actor: str, reason: str) -> Position:
        """See EventStore.put_back."""
        if not events:
            raise BadInput("there are no events to put back")
        await self._kinds.number_all(map(as_new, events))

        async def work(connection: Connection) -> Position:
            places = await self._places(connection, [each.stream for each in events])
            removed = {stream: place[1] for stream, place in places.items()}
            [(head,)] = await self._rows(connection, HEAD)
            check_put_back(events, removed, head)
            positions = packing.integers([each.position for each in events])
            if both := await self._rows(connection, TAKEN, (positions,)):
                raise taken(position for (position,) in both)
            await self._rows(connection, PUT_BACK, event_arguments(self._kinds, events))
            return await self._record(connection, recorded(about_putting_back(events, reason), actor))

        return await self._alone(work)

    # -- inside the transaction

    async def _alone(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        # Before: whoever numbers them needs a connection, and all others may wait for this transaction.
        await self._kinds.number_all(NewEvent(kind.type, b"", kind.version) for kind in CATALOG.types)

        async def transaction(connection: Connection) -> T:
            async with connection.transaction():
                await connection.execute(self._server.sql(ALONE))
                return await work(connection)

        return await self._server.run(transaction, again=False)

    async def _rows(self, connection: Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return await (await connection.execute(self._server.sql(sql), values)).fetchall()

    async def _places(self, connection: Connection, streams: Sequence[str]) -> dict[str, Place]:
        names = packing.texts([name.encode() for name in dict.fromkeys(streams)])
        rows = await self._rows(connection, STREAMS, (names,))
        return {name: (number, removed, version, closed) for name, number, removed, version, closed in rows}

    async def _record(self, connection: Connection, write: Write) -> Position:
        [event] = write.events
        kind = self._kinds.numbers[event.type, event.type_version]
        key, data = lock_key("s" + write.stream), event.data.decode()
        values = key, write.stream, kind, self._clock.now(), data, encode_meta(event)
        [([_, position],)] = await self._rows(connection, RECORD, values)
        return int(position)

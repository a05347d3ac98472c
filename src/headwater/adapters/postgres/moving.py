"""Moving a store: what is recorded, as it is."""

from collections.abc import Sequence
from typing import Any

from headwater.adapters.postgres import packing
from headwater.adapters.postgres.kinds import Kinds
from headwater.adapters.postgres.server import Connection, Server
from headwater.messages import Envelope, Receipt
from headwater.store.meta import encode_meta
from headwater.store.port import as_new, check_restored

ALONE = "SELECT headwater.lock(true, '{}')"
HEAD = "SELECT coalesce(max(position), 0) FROM headwater.event"
VERSIONS = """
    SELECT name, coalesce((SELECT max(version) FROM headwater.event AS e WHERE e.stream = s.id), removed)
    FROM headwater.stream AS s WHERE name = ANY (%b)
"""
RESTORE = f"SELECT headwater.restore_events({', '.join(['%b'] * 9)})"
RECEIPT = "INSERT INTO headwater.append VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING"
RECEIPTS = "SELECT id, first, last, versions, fingerprint FROM headwater.append WHERE id > %s ORDER BY id LIMIT %s"


async def receipts(server: Server, after: str, limit: int) -> list[Receipt]:
    """See EventStore.receipts."""

    async def ask(connection: Connection) -> list[Receipt]:
        rows = await (await connection.execute(server.sql(RECEIPTS), (after, limit))).fetchall()
        return [Receipt(id, first, last, tuple(versions), mark) for id, first, last, versions, mark in rows]

    return await server.run(ask)


async def restore(server: Server, kinds: Kinds, events: Sequence[Envelope], marks: Sequence[Receipt]) -> None:
    """See EventStore.restore."""
    await kinds.number_all(map(as_new, events))

    async def work(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute(server.sql(ALONE))
            if events:
                await _check(connection, server, events)
                await connection.execute(server.sql(RESTORE), event_arguments(kinds, events))
            if marks:
                rows = [(each.id, each.first, each.last, list(each.versions), each.fingerprint) for each in marks]
                await connection.cursor().executemany(server.sql(RECEIPT), rows)

    await server.run(work, again=False)


async def _check(connection: Connection, server: Server, events: Sequence[Envelope]) -> None:
    head: Any = await (await connection.execute(server.sql(HEAD))).fetchone()
    names = packing.texts([name.encode() for name in {event.stream for event in events}])
    versions: Any = await (await connection.execute(server.sql(VERSIONS), (names,))).fetchall()
    check_restored(events, head[0], dict(versions))


def event_arguments(kinds: Kinds, events: Sequence[Envelope]) -> tuple[Any, ...]:
    """Recorded events as nine arrays, for the server's functions that take them in."""
    integers, texts = packing.integers, packing.texts
    tags = [(number, tag) for number, event in enumerate(events, 1) for tag in dict.fromkeys(event.tags)]
    return (
        integers([each.position for each in events]), texts([each.stream.encode() for each in events]),
        integers([each.stream_version for each in events]),
        integers([kinds.numbers[each.type, each.type_version] for each in events]),
        integers([each.time for each in events]), texts([each.data for each in events]),
        texts([encode_meta(as_new(each)).encode() for each in events]),
        integers([number for number, _ in tags]), texts([tag.encode() for _, tag in tags]),
    )  # fmt: skip

"""Groups of a SQLite broker, in its tables: members, leases, progress. Whatever writes runs in a transaction."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import apsw

from headwater.adapters.sqlite.broker_topics import Found, ends
from headwater.errors import UnknownType
from headwater.streaming.leases import Beat, Lease
from headwater.streaming.records import Assigned, Group, Lag, Progress


class State(NamedTuple):
    """A group as such. `version` rises whenever members come and go or partitions change hands."""

    id: int
    paused: bool
    version: int


class Held(NamedTuple):
    """Who has a partition, and how far the group has come there."""

    lease: Lease
    progress: Progress


def find_group(connection: apsw.Connection, topic: Found, name: str) -> State:
    """The group of that name. Raises UnknownType."""
    row = connection.execute(
        "SELECT id, paused, version FROM work_group WHERE topic = ? AND name = ?", (topic.id, name)
    ).fetchone()
    if row is None:
        raise UnknownType("group", name)
    return State(*row)


def state_of(connection: apsw.Connection, group: int) -> State | None:
    """How a group is now; None if it is no more."""
    row = connection.execute("SELECT id, paused, version FROM work_group WHERE id = ?", (group,)).fetchone()
    return row and State(*row)


def put_group(connection: apsw.Connection, topic: Found, name: str) -> int:
    """Make a group, unless it is there; its number."""
    connection.execute("INSERT OR IGNORE INTO work_group (topic, name) VALUES (?, ?)", (topic.id, name))
    id = find_group(connection, topic, name).id
    partitions = ((id, partition) for partition in range(topic.topic.partitions))
    connection.executemany("INSERT OR IGNORE INTO lease (work_group, partition) VALUES (?, ?)", partitions)
    return id


def set_paused(connection: apsw.Connection, group: int, paused: bool) -> None:
    """Pause or resume a group."""
    connection.execute("UPDATE work_group SET paused = ? WHERE id = ?", (paused, group))


def stir(connection: apsw.Connection, group: int) -> None:
    """Have all members look at the leases anew."""
    connection.execute("UPDATE work_group SET version = version + 1 WHERE id = ?", (group,))


# -- members


def beat(connection: apsw.Connection, group: int, member: str, session: float) -> bool:
    """Give a sign of life; whether the member was not known."""
    connection.execute(
        "UPDATE member SET beat = beat + 1, session = ? WHERE work_group = ? AND name = ?", (session, group, member)
    )
    if connection.changes():
        return False
    connection.execute("INSERT INTO member VALUES (?, ?, 1, ?)", (group, member, session))
    return True


def beats(connection: apsw.Connection, group: int) -> dict[str, Beat]:
    """All members' signs of life."""
    rows = connection.execute("SELECT name, beat, session FROM member WHERE work_group = ?", (group,))
    return {name: Beat(number, session) for name, number, session in rows}


def forget(connection: apsw.Connection, group: int, members: Iterable[str]) -> None:
    """Have members no more: they are dead, or leave."""
    connection.executemany(
        "DELETE FROM member WHERE work_group = ? AND name = ?", ((group, member) for member in members)
    )


# -- leases


def leases(connection: apsw.Connection, group: int) -> dict[int, Held]:
    """Who has what."""
    rows = connection.execute("SELECT partition, owner, epoch, next, done FROM lease WHERE work_group = ?", (group,))
    return {p: Held(Lease(owner, epoch), Progress(next, done)) for p, owner, epoch, next, done in rows}


def assign(connection: apsw.Connection, group: int, changed: Mapping[int, Lease]) -> None:
    """Change leases, which were read in the same transaction."""
    connection.executemany(
        "UPDATE lease SET owner = ?, epoch = ? WHERE work_group = ? AND partition = ?",
        ((lease.owner, lease.epoch, group, partition) for partition, lease in changed.items()),
    )


def release(connection: apsw.Connection, group: int, owner: str, generations: Mapping[int, int]) -> None:
    """Free those of these partitions that a member has under these generations."""
    connection.executemany(
        "UPDATE lease SET owner = '' WHERE work_group = ? AND partition = ? AND owner = ? AND epoch = ?",
        ((group, partition, owner, generation) for partition, generation in generations.items()),
    )
    stir(connection, group)


def leave(connection: apsw.Connection, group: int, member: str) -> None:
    """Have a member no more, and free all that it has."""
    connection.execute("UPDATE lease SET owner = '' WHERE work_group = ? AND owner = ?", (group, member))
    forget(connection, group, [member])
    stir(connection, group)


def commit(connection: apsw.Connection, group: int, owner: str, reached: Collection[tuple[int, int, Progress]]) -> None:
    """Record progress: partition, generation, and how far. Refused, in silence, where the lease is another one."""
    connection.executemany(
        "UPDATE lease SET next = ?1, done = ?2 WHERE work_group = ?3 AND partition = ?4 AND owner = ?5 AND epoch = ?6"
        " AND next <= ?1",
        ((each.next, each.done, group, partition, owner, epoch) for partition, epoch, each in reached),
    )


def assigned(held: Mapping[int, Held], member: str) -> dict[int, Assigned]:
    """What a member has."""
    mine = {p: each for p, each in held.items() if each.lease.owner == member}
    return {p: Assigned(each.lease.epoch, each.progress) for p, each in mine.items()}


def standing(connection: apsw.Connection, topic: Found) -> list[Group]:
    """All groups of a topic by name."""
    rows = list(
        connection.execute("SELECT id, name, paused FROM work_group WHERE topic = ? ORDER BY name", (topic.id,))
    )
    held = {id: leases(connection, id) for id, _, _ in rows}
    there = ends(connection, topic)  # read last: nobody has come further than this
    found = []
    for id, name, paused in rows:
        lags = []
        for p, each in sorted(held[id].items()):
            left = max(there[p].next - max(each.progress.next, there[p].first), 0)
            lags.append(Lag(p, each.progress.next, there[p].next, left, each.lease.owner))
        found.append(Group(topic.topic.name, name, bool(paused), lags))
    return found

"""Topics of a SQLite broker, in its tables."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import apsw

from headwater.adapters.sqlite.broker_chunks import LANE_BITS, lane
from headwater.errors import Conflict, UnknownType
from headwater.fold import Topic
from headwater.messages import Offset

_COLUMNS = "id, name, partitions, max_age, max_bytes, max_record_bytes, replicas"


class Found(NamedTuple):
    """A topic and its number in the tables."""

    id: int
    topic: Topic


class Ends(NamedTuple):
    """Which records of a partition are there: from `first` up to `next`."""

    first: Offset
    next: Offset


def find_topic(connection: apsw.Connection, name: str) -> Found:
    """The topic of that name. Raises UnknownType."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM topic WHERE name = ?", (name,)).fetchone()
    if row is None:
        names = (each for (each,) in connection.execute("SELECT name FROM topic ORDER BY name LIMIT 20"))
        raise UnknownType("topic", name, tuple(names))
    return _found(row)


def all_topics(connection: apsw.Connection) -> Iterator[Found]:
    """All topics by name."""
    return map(_found, connection.execute(f"SELECT {_COLUMNS} FROM topic ORDER BY name"))


def _found(row: tuple[int, str, int, int | None, int | None, int, int]) -> Found:
    id, name, partitions, max_age, max_bytes, max_record_bytes, replicas = row
    age = None if max_age is None else timedelta(microseconds=max_age)
    return Found(id, Topic(name, (), partitions, age, max_bytes, max_record_bytes, None, replicas))


def put_topic(connection: apsw.Connection, topic: Topic) -> None:
    """Make a topic, or bring its limits up to date. Raises Conflict for another number of partitions."""
    partitions = connection.execute("SELECT partitions FROM topic WHERE name = ?", (topic.name,)).get
    if partitions not in (None, topic.partitions):
        raise Conflict(f"topic {topic.name!r} has {partitions} partitions, which cannot become {topic.partitions}")
    age = None if topic.max_age is None else round(topic.max_age.total_seconds() * 1_000_000)
    connection.execute(
        "INSERT INTO topic (name, partitions, max_age, max_bytes, max_record_bytes, replicas) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET max_age = excluded.max_age, max_bytes = excluded.max_bytes,"
        " max_record_bytes = excluded.max_record_bytes, replicas = excluded.replicas",
        (topic.name, topic.partitions, age, topic.max_bytes, topic.max_record_bytes, topic.replicas),
    )
    if partitions is None:
        id = find_topic(connection, topic.name).id
        connection.executemany("INSERT INTO lane (lane) VALUES (?)", ((lane(id, p),) for p in range(topic.partitions)))


def drop_topic(connection: apsw.Connection, name: str) -> None:
    """Remove a topic and its groups; its records are marked, and removed bit by bit."""
    id = connection.execute("SELECT id FROM topic WHERE name = ?", (name,)).get
    if id is None:
        return
    for table in ("member", "lease"):
        connection.execute(
            f"DELETE FROM {table} WHERE work_group IN (SELECT id FROM work_group WHERE topic = ?)", (id,)
        )
    connection.execute("DELETE FROM work_group WHERE topic = ?", (id,))
    connection.execute("DELETE FROM topic WHERE id = ?", (id,))
    connection.execute("UPDATE lane SET removed = 1 WHERE lane >> ? = ?", (LANE_BITS, id))


def ends(connection: apsw.Connection, topic: Found) -> dict[int, Ends]:
    """Which records are there, by partition. Raises UnknownType if the topic was removed since it was found."""
    rows = connection.execute(
        "SELECT lane, first, next FROM lane WHERE lane BETWEEN ? AND ? ORDER BY lane",
        (lane(topic.id, 0), lane(topic.id, topic.topic.partitions - 1)),
    )
    found = {number & ((1 << LANE_BITS) - 1): Ends(first, next) for number, first, next in rows}
    if len(found) < topic.topic.partitions:
        raise UnknownType("topic", topic.topic.name)
    return found

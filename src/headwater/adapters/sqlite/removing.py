"""Removing events and closing streams, inside the writer's transaction. Synchronous.

All of it looks before it writes: what it refuses leaves nothing behind.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from headwater.adapters.sqlite.appender import Appender
from headwater.errors import BadInput, UnknownType
from headwater.messages import Envelope, Position, Write
from headwater.store.meta import decode_meta
from headwater.store.port import check_stream
from headwater.store.removal import (
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

STREAM = """
    SELECT id, coalesce(removed, 0), coalesce((SELECT max(version) FROM event WHERE stream = id), removed, 0),
        coalesce(closed, 0)
    FROM stream LEFT JOIN stream_mark ON stream_mark.stream = id WHERE name = ?
"""
MARKS = """
    SELECT name, removed, closed FROM stream_mark JOIN stream ON stream.id = stream WHERE name > ? ORDER BY name LIMIT ?
"""
PUT_MARK = """
    INSERT INTO stream_mark VALUES (?, ?, ?)
    ON CONFLICT (stream) DO UPDATE SET removed = excluded.removed, closed = max(closed, excluded.closed)
"""
NO_MARK = "DELETE FROM stream_mark WHERE removed = 0 AND NOT closed"
TAGGED = "SELECT position, meta FROM event WHERE stream = ? AND version < ? AND meta <> ''"
REMOVE_TAG = "DELETE FROM tag WHERE tag = ? AND position = ?"
REMOVE = "DELETE FROM event WHERE stream = ? AND version < ?"
IS_TAKEN = "SELECT position FROM event WHERE position = ?"

Place = tuple[int, int, int, int]
"""Of a stream: its number, up to which version its events are gone, its version, and whether it is closed."""


class Remover:
    """Removes, closes and puts back, on the appender's connection."""

    def __init__(self, connection: apsw.Connection, appender: Appender) -> None:
        self._connection = connection
        self._appender = appender

    def remove(self, cuts: Sequence[Cut], actor: str, reason: str) -> Removed:
        """See EventStore.remove."""
        self._appender.flush()
        places = {cut.stream: place for cut in cuts if (place := self._place(cut.stream))}
        known = {stream: (removed, version) for stream, (_, removed, version, _) in places.items()}
        wanted = planned(cuts, known)
        if not wanted:
            return Removed(0, 0, 0)
        about = about_removal(wanted, known, reason)
        position = self._record(recorded(about, actor))  # first: the last position stays the last one
        rows = [(places[cut.stream][0], cut.before) for cut in wanted]
        self._connection.executemany(REMOVE_TAG, list(self._tags(rows)))
        self._connection.executemany(REMOVE, rows)
        self._connection.executemany(PUT_MARK, [(number, before - 1, 0) for number, before in rows])
        self._appender.look_again()
        return Removed(about.events, about.streams, position)

    def _tags(self, rows: Sequence[tuple[int, int]]) -> Iterator[tuple[str, Position]]:
        """The rows of tags of the events that go; they are found by tag only."""
        for row in rows:
            found: list[Any] = self._connection.execute(TAGGED, row).fetchall()
            for position, meta in found:
                for tag in decode_meta(meta).tags:
                    yield tag, position

    def _place(self, stream: str) -> Place | None:
        place: Place | None = self._connection.execute(STREAM, (stream,)).get
        return place

    def _record(self, write: Write) -> Position:
        position = self._appender.append((write,), None, "", "").last
        self._appender.flush()
        return position

    def close(self, stream: str, actor: str, reason: str) -> int:
        """See EventStore.close_stream."""
        check_stream(stream)
        check_closable(stream)
        self._appender.flush()
        place = self._place(stream)
        if place is None:
            raise UnknownType("stream", stream)
        number, removed, version, closed = place
        if not closed:
            self._record(recorded(StreamWasClosed(stream, version, reason), actor))
            self._connection.execute(PUT_MARK, (number, removed, 1))
            self._appender.look_again()
        return version

    def mark(self, marks: Sequence[StreamMark]) -> None:
        """See EventStore.mark."""
        self._appender.flush()
        for each in marks:
            check_stream(each.stream)
            _, removed, version, _ = self._place(each.stream) or (0, 0, 0, 0)
            check_mark(each, removed, version)
        names = [(each.stream,) for each in marks]
        self._connection.executemany("INSERT INTO stream (name) VALUES (?) ON CONFLICT DO NOTHING", names)
        for each in marks:
            number = self._connection.execute("SELECT id FROM stream WHERE name = ?", (each.stream,)).get
            self._connection.execute(PUT_MARK, (number, each.removed, int(each.closed)))
        self._appender.look_again()

    def put_back(self, events: Sequence[Envelope], actor: str, reason: str) -> Position:
        """See EventStore.put_back."""
        if not events:
            raise BadInput("there are no events to put back")
        self._appender.flush()
        places = {name: place for name in {each.stream for each in events} if (place := self._place(name))}
        removed = {name: place[1] for name, place in places.items()}
        left = check_put_back(events, removed, self._appender.last_position)
        positions = [(each.position,) for each in events]
        both: list[Any] = self._connection.executemany(IS_TAKEN, positions).fetchall()
        if both:
            raise taken(position for (position,) in both)
        position = self._record(recorded(about_putting_back(events, reason), actor))
        self._appender.insert(events)
        marks = [(places[name][0], removed, 0) for name, removed in left.items()]
        self._connection.executemany(PUT_MARK, marks)
        self._connection.execute(NO_MARK)
        self._appender.look_again()
        return position


def marks_of(connection: apsw.Connection, after: str, limit: int) -> list[StreamMark]:
    """See EventStore.marks."""
    rows: list[Any] = connection.execute(MARKS, (after, limit)).fetchall()
    return [StreamMark(name, removed, bool(closed)) for name, removed, closed in rows]

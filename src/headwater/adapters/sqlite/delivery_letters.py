"""Dead letters in the file of a SQLite store: what is done to them on a connection, inside a transaction."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apsw
import msgspec

from headwater.delivery.port import Claim, Count, Letter, Letters, Wish
from headwater.delivery.rows import COLUMNS, from_row, last_error, packed_attempts, packed_headers
from headwater.messages import Offset

SELECT = f"SELECT {', '.join(COLUMNS)} FROM delivery_letter"
OF = "consumer = ?1 AND topic = ?2"
BLOCKED = f"SELECT DISTINCT key FROM delivery_letter WHERE {OF} AND partition = ?3 AND key IS NOT NULL"
DUE = f"{SELECT} WHERE {OF} AND partition = ?3 AND first AND wish <> '' AND due <= ?4 ORDER BY place, id LIMIT ?5"
PUT = f"""
    INSERT INTO delivery_letter (
        consumer, topic, partition, place, id, key, failed, error, message, time, rested, wish, due, edited, attempts,
        headers, value, first
    ) SELECT *, ?6 IS NULL OR NOT EXISTS (
        SELECT 1 FROM delivery_letter WHERE {OF} AND partition = ?3 AND key = ?6 AND (place, id) < (?4, ?5)
    ) FROM (VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17))
"""
NOT_FIRST = f"""
    UPDATE delivery_letter SET first = 0 WHERE {OF} AND partition = ?3 AND key = ?6 AND (place, id) > (?4, ?5) AND first
"""
REPLACE = f"""
    UPDATE delivery_letter SET (failed, error, message, time, rested, attempts, headers)
        = (?7, ?8, ?9, ?10, ?11, ?15, ?16)
    WHERE {OF} AND id = ?5
"""
RENEW = f"""
    UPDATE delivery_letter SET (wish, due, edited, value) = (?4, ?5, ?6, ?7)
    WHERE {OF} AND id = ?3 AND (?8 IS NULL OR (wish, due, value) = (?8, ?9, ?10))
"""
TAKE_OUT = f"DELETE FROM delivery_letter WHERE {OF} AND id = ?3 RETURNING partition, key"
NEXT = f"""
    SELECT rowid, wish = '' AND NOT failed FROM delivery_letter WHERE {OF} AND partition = ?3 AND key = ?4
    ORDER BY place, id LIMIT 1
"""
BE_FIRST = "UPDATE delivery_letter SET first = 1 WHERE rowid = ?"
FOLLOW = "UPDATE delivery_letter SET wish = ?, due = ? WHERE rowid = ?"
COUNT = """
    SELECT consumer, topic, sum(failed), sum(NOT failed), min(rested) FROM delivery_letter
    GROUP BY consumer, topic ORDER BY consumer, topic
"""


class Lane(NamedTuple):
    """Letters that wait for each other: those of a key in a partition."""

    consumer: str
    topic: str
    partition: int
    key: str | None


def put(connection: apsw.Connection, claim: Claim, letter: Letter, *, anew: bool, taken: Letter | None) -> None:
    """Put a letter in; one that is not there `anew` replaces what there is of it, but for its place and key, and what
    was asked for it since it was `taken`."""
    row = (
        *claim[:3], letter.offset, letter.id, letter.key, not letter.waits, *last_error(letter), letter.time,
        letter.rested, letter.wish.value, letter.due, letter.edited, packed_attempts(letter.attempts),
        packed_headers(letter.headers), letter.value,
    )  # fmt: skip
    if not anew:
        connection.execute(REPLACE, row[:16])
        before = (taken.wish.value, taken.due, taken.value) if taken else (None, None, None)
        asked = letter.wish.value, letter.due, letter.edited, letter.value
        connection.execute(RENEW, (*claim[:2], letter.id, *asked, *before))
        return
    connection.execute(PUT, row)
    if letter.key is not None:
        connection.execute(NOT_FIRST, row[:6])


def take_out(connection: apsw.Connection, claim: Claim, id: str) -> Lane | None:
    """Take a letter out: its lane, or None where it is not there."""
    row: Any = connection.execute(TAKE_OUT, (*claim[:2], id)).get
    return row and Lane(*claim[:2], *row)


def advance(connection: apsw.Connection, lane: Lane, *, redrive: bool, now: int) -> bool:
    """The next letter of a lane becomes its first; if it only waited, with no wish, it may be to be redriven. False
    where there is none."""
    found: Any = lane.key is not None and connection.execute(NEXT, lane).get
    if not found:
        return False
    number, waits = found
    connection.execute(BE_FIRST, (number,))
    if redrive and waits:
        connection.execute(FOLLOW, (Wish.REDRIVE.value, now, number))
    return True


def more(connection: apsw.Connection, lane: Lane) -> bool:
    """Whether a lane has letters."""
    return lane.key is not None and connection.execute(NEXT, lane).get is not None


def blocked(connection: apsw.Connection, consumer: str, topic: str, partition: int) -> set[str]:
    """The keys that have letters."""
    return {key for (key,) in connection.execute(BLOCKED, (consumer, topic, partition))}


def due(connection: apsw.Connection, claims: Sequence[Claim], now: int, limit: int) -> list[Letter]:
    """Letters that are to be looked at, of claims that hold."""
    found: list[Letter] = []
    for claim in sorted(set(claims)):
        if len(found) < limit:
            rows = connection.execute(DUE, (*claim[:3], now, limit - len(found)))
            found += [from_row(row) for row in rows]
    return found


def find(
    connection: apsw.Connection, which: Letters, after: tuple[str, str, int, Offset] | None, limit: int
) -> list[Letter]:
    """Letters in order; those of one place come together, even if they are more than `limit`."""
    parts, values = _where(which)
    if after is not None:
        parts, values = [*parts, "(consumer, topic, partition, place) > (?, ?, ?, ?)"], [*values, *after]
    rows = list(_select(connection, parts, [*values, limit], "LIMIT ?"))
    if rows and len(rows) == limit:
        parts, values = _where(which)
        parts.append("(consumer, topic, partition, place) = (?, ?, ?, ?) AND id > ?")
        rows += _select(connection, parts, [*values, *rows[-1][:5]])
    return [from_row(row) for row in rows]


def _select(
    connection: apsw.Connection, parts: Sequence[str], values: Sequence[Any], bound: str = ""
) -> Iterator[Sequence[Any]]:
    where = " AND ".join(parts) or "true"
    sql = f"{SELECT} WHERE {where} ORDER BY consumer, topic, partition, place, id {bound}"
    return iter(connection.execute(sql, values))


def ask(connection: apsw.Connection, which: Letters, wish: Wish, due: int, value: bytes | None) -> int:
    """Set what is to become of letters; how many they are."""
    parts, values = _where(which)
    sets, given = ("", []) if value is None else (", value = ?, edited = 1", [value])
    sql = f"UPDATE delivery_letter SET wish = ?, due = ?{sets} WHERE {' AND '.join(parts) or 'true'}"
    connection.execute(sql, (wish.value, due, *given, *values))
    return connection.changes()


def counts(connection: apsw.Connection) -> list[Count]:
    """How many letters rest, by consumer and topic."""
    return [Count(*row) for row in connection.execute(COUNT)]


def _where(which: Letters) -> tuple[list[str], list[Any]]:
    found: list[tuple[str, list[Any]]] = []
    if which.consumer:
        found.append(("consumer = ?", [which.consumer]))
    if which.topic:
        found.append(("topic = ?", [which.topic]))
    if which.key is not None:
        found.append(("key = ?", [which.key]))
    if which.ids:
        ids = msgspec.json.encode(list(which.ids)).decode()
        found.append(("id IN (SELECT value FROM json_each(?))", [ids]))
    if which.error:
        found.append(("(instr(error, ?) OR instr(message, ?))", [which.error, which.error]))
    if not which.waiting:
        found.append(("failed", []))
    return [sql for sql, _ in found], [value for _, values in found for value in values]

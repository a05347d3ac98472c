"""SQL for dead letters, and texts of all kinds as PostgreSQL takes them. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from headwater.adapters.postgres import packing
from headwater.delivery.port import Claim, Letter, Letters, Wish
from headwater.delivery.rows import COLUMNS, from_row, last_error, packed_attempts, packed_headers
from headwater.messages import Offset

Query = tuple[str, Sequence[Any]]

SELECT = f"SELECT {', '.join(f'l.{name}' for name in COLUMNS)} FROM headwater.delivery_letter AS l"
PLACE = "l.consumer, l.topic, l.partition, l.place"
OF = "l.consumer = i.consumer AND l.topic = i.topic AND l.partition = c.partition"
DUE = f"""
    SELECT l.* FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) AS a (consumer, topic, partition, epoch)
    JOIN headwater.delivery_inbox AS i ON i.consumer = a.consumer AND i.topic = a.topic
    JOIN headwater.delivery_claim AS c ON c.inbox = i.id AND c.partition = a.partition AND c.epoch = a.epoch
    CROSS JOIN LATERAL (
        {SELECT} WHERE {OF} AND l.first AND l.wish <> '' AND l.due <= %s ORDER BY l.place, l.id LIMIT %s
    ) AS l ORDER BY {PLACE}, l.id LIMIT %s
"""
BLOCKED = """
    SELECT DISTINCT key FROM headwater.delivery_letter
    WHERE consumer = %s AND topic = %s AND partition = %s AND key IS NOT NULL
"""
REST = f"SELECT headwater.rest(ROW({', '.join(['%s'] * 18)})::headwater.delivery_letter, %s, %s, %s, %s)"
COUNT = """
    SELECT consumer, topic, count(*) FILTER (WHERE failed), count(*) FILTER (WHERE NOT failed), min(rested)
    FROM headwater.delivery_letter GROUP BY consumer, topic ORDER BY consumer, topic
"""
_ESCAPED = re.compile(r"\\(.)")


def escaped(text: str) -> str:
    """A text without the character 0."""
    return text.replace("\\", "\\\\").replace("\0", "\\0")


def plain(text: str) -> str:
    """The text that was `escaped`."""
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else found[1], text) if "\\" in text else text


def texts(values: Iterable[str]) -> packing.Texts:
    """Escaped texts as an array. Raises UnicodeEncodeError."""
    return packing.texts([escaped(value).encode() for value in values])


def rest(claim: Claim, letter: Letter, taken: Letter | None) -> Query:
    """Puts a letter in; what was asked for it since it was `taken` stays."""
    before = (taken.wish.value, taken.due, taken.value) if taken else (None, None, None)
    key = None if letter.key is None else escaped(letter.key)
    error, message = map(escaped, last_error(letter))
    return REST, (
        *claim[:3], letter.offset, escaped(letter.id), key, True, not letter.waits, error, message, letter.time,
        letter.rested, letter.wish.value, letter.due, letter.edited, packed_attempts(letter.attempts),
        packed_headers(letter.headers), letter.value, claim.epoch, *before,
    )  # fmt: skip


def letter(row: Sequence[Any]) -> Letter:
    """A letter from its columns."""
    *place, id, key = row[:6]
    return from_row((*place, plain(id), None if key is None else plain(key), *row[6:]))


def due(claims: Iterable[Claim], now: int, limit: int) -> Query:
    """Letters to be looked at, of claims that hold."""
    consumers, topics, partitions, epochs = map(list, zip(*set(claims), strict=True))
    return DUE, (consumers, topics, partitions, epochs, now, limit, limit)


def find(which: Letters, after: tuple[str, str, int, Offset] | None, limit: int) -> Query:
    """Letters in order, those of one place together."""
    where, values = _where(which)
    if after is not None:
        where, values = f"{where} AND ({PLACE}) > (%s, %s, %s, %s)", [*values, *after]
    page = f"{SELECT} WHERE {where} ORDER BY {PLACE} FETCH FIRST (%s) ROWS WITH TIES"
    return f"SELECT l.* FROM ({page}) AS l ORDER BY {PLACE}, l.id", [*values, limit]


def ask(which: Letters, wish: Wish, due: int, value: bytes | None) -> Query:
    """Sets what is to become of letters."""
    where, values = _where(which)
    sets, given = ("", []) if value is None else (", value = %s, edited = true", [value])
    sql = f"UPDATE headwater.delivery_letter AS l SET wish = %s, due = %s{sets} WHERE {where}"
    return sql, [wish.value, due, *given, *values]


def _where(which: Letters) -> tuple[str, list[Any]]:
    parts, values = ["true"], list[Any]()
    for column, text in (("consumer", which.consumer), ("topic", which.topic)):
        if text:
            parts.append(f"l.{column} = %s")
            values.append(text)
    if which.key is not None:
        parts.append("l.key = %s")
        values.append(escaped(which.key))
    if which.ids:
        parts.append("l.id = ANY (%b)")
        values.append(texts(which.ids))
    if which.error:
        parts.append("(strpos(l.error, %s) > 0 OR strpos(l.message, %s) > 0)")
        values += [escaped(which.error)] * 2
    if not which.waiting:
        parts.append("l.failed")
    return " AND ".join(parts), values

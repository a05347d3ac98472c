"""Queries over types and tags as SQL. Positions are found by tag first, so the cost follows the rarest choice."""

from typing import Any

import apsw

from headwater.adapters.sqlite.kinds import Kinds
from headwater.errors import BadInput
from headwater.messages import Condition, Query, QueryItem

MAX_ITEMS, MAX_TAGS = 100, 32

WINDOW = 20_000
"""How many positions one read looks through at most where a query leaves events out: it bounds each call's time."""


def matching(query: Query, kinds: Kinds, after: int, upto: int) -> tuple[str, list[Any]]:
    """SQL (and parameters) that selects the positions above `after`, up to `upto`, of events that match."""
    if not query.items:
        return "SELECT position FROM event WHERE position > ? AND position <= ?", [after, upto]
    if len(query.items) > MAX_ITEMS or any(len(item.tags) > MAX_TAGS for item in query.items):
        raise BadInput(f"a query has at most {MAX_ITEMS} items and {MAX_TAGS} tags an item; ask in parts")
    parts, parameters = [], []
    for item in query.items:
        sql, values = _item(item, kinds, after, upto)
        parts.append(sql)
        parameters += values
    return " UNION ".join(parts), parameters


def _item(item: QueryItem, kinds: Kinds, after: int, upto: int) -> tuple[str, list[Any]]:
    numbers = ",".join(map(str, kinds.numbers_of(item.types)))
    if not item.tags:
        only = f" AND kind IN ({numbers})" if item.types else ""
        return f"SELECT position FROM event WHERE position > ? AND position <= ?{only}", [after, upto]
    joins = "".join(
        f" JOIN tag AS t{i} ON t{i}.tag = ? AND t{i}.position = t0.position" for i in range(1, len(item.tags))
    )
    if item.types:
        joins += f" JOIN event AS e ON e.position = t0.position AND e.kind IN ({numbers})"
    where = " WHERE t0.tag = ? AND t0.position > ? AND t0.position <= ?"
    return f"SELECT t0.position FROM tag AS t0{joins}{where}", [*item.tags[1:], item.tags[0], after, upto]


def first_match(cursor: apsw.Cursor, kinds: Kinds, condition: Condition) -> int | None:
    """The lowest position after the condition's that matches its query."""
    sql, parameters = matching(condition.query, kinds, condition.after, 1 << 62)
    position: int | None = cursor.execute(f"SELECT min(position) FROM ({sql})", parameters).get
    return position

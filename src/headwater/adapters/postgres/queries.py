"""Queries over types and tags as SQL. Positions are found by tag first, so the cost follows the rarest choice."""

from typing import Any

from headwater.adapters.postgres.grouping import possible
from headwater.errors import BadInput
from headwater.messages import Query, QueryItem

MAX_ITEMS, MAX_TAGS = 100, 32

WINDOW = 20_000
"""How many positions one read looks through at most where a query leaves events out: it bounds each call's time."""

RANGE = "position > %s AND position <= %s"
OF_TYPES = " AND {}kind = ANY (ARRAY(SELECT id FROM headwater.kind WHERE type = ANY (%s)))"
TAGGED = "EXISTS (SELECT FROM headwater.tag AS o WHERE o.tag = %s AND o.position = t.position)"


def matching(query: Query, after: int, upto: int) -> tuple[str, list[Any]]:
    """A condition on the rows of `event` (and its parameters): positions above `after`, up to `upto`, of what matches.

    The kinds of a type are looked up by the statement itself: others may have added some.
    """
    if not query.items:
        return RANGE, [after, upto]
    if len(query.items) > MAX_ITEMS or any(len(item.tags) > MAX_TAGS for item in query.items):
        raise BadInput(f"a query has at most {MAX_ITEMS} items and {MAX_TAGS} tags an item; ask in parts")
    if len(query.items) == 1 and not query.items[0].tags:
        return _by_types(query.items[0], after, upto)
    parts, parameters = [], list[Any]()
    for item in query.items:
        sql, values = _positions(item, after, upto)
        parts.append(sql)
        parameters += values
    return f"position IN ({' UNION ALL '.join(parts)})", parameters


def _by_types(item: QueryItem, after: int, upto: int) -> tuple[str, list[Any]]:
    if not item.types:
        return RANGE, [after, upto]
    return RANGE + OF_TYPES.format(""), [after, upto, possible(item.types)]


def _positions(item: QueryItem, after: int, upto: int) -> tuple[str, list[Any]]:
    if not item.tags:
        where, values = _by_types(item, after, upto)
        return f"SELECT position FROM headwater.event WHERE {where}", values
    first, *others = possible(item.tags)
    where, parameters = f"t.tag = %s AND t.{RANGE.replace('AND ', 'AND t.')}", list[Any]([first, after, upto])
    if item.types:
        where += OF_TYPES.format("t.")
        parameters.append(possible(item.types))
    for other in others:
        where += f" AND {TAGGED}"
        parameters.append(other)
    return f"SELECT t.position FROM headwater.tag AS t WHERE {where}", parameters

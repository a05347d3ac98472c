"""Who waits for whose open transaction, and what comes of it: locks of streams, tags and ids, and the gate."""

import asyncio

import pytest
from places import NewSchema, place, value
from writing import event, kept_open

from headwater.adapters.postgres.grouping import Order
from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import ConditionFailed, WrongExpectedVersion
from headwater.messages import Condition, NewEvent, Position, Query, QueryItem, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous


def order(
    stream: str, *tags: str, nothing: QueryItem | None = None, expected: int | None = None, id: str = ""
) -> Order:
    """One event, if there is `nothing` of that sort behind the first position."""
    new = NewEvent("soak", b"{}", tags=tags)
    return Order([Write(stream, [new], expected)], Condition(Query((nothing,)), 1) if nothing else None, id, "")


SOAK, RED, GREEN = QueryItem(("soak",)), QueryItem((), ("red",)), QueryItem((), ("green",))
IN_TURN = {
    "one, then a condition without tags": (order("a"), order("b", nothing=SOAK), ConditionFailed),
    "a group, then a condition without tags": (order("a", id="a"), order("b", nothing=SOAK), ConditionFailed),
    "a condition without tags, then one": (order("a", nothing=SOAK), order("b"), None),
    "a condition without tags, then a group": (order("a", nothing=SOAK), order("b", id="b"), None),
    "a tag, then a condition": (order("a", "red"), order("b", nothing=RED), ConditionFailed),
    "a condition, then a tag": (order("a", nothing=RED), order("b", "red"), None),
    "a stream, one by one": (order("a"), order("a", expected=0), WrongExpectedVersion),
    "a stream, one and a group": (order("a"), order("a", expected=0, id="a"), WrongExpectedVersion),
    "a stream, a group and one": (order("a", id="a"), order("a", expected=0), WrongExpectedVersion),
    "any version of a stream": (order("a"), order("a"), None),
}  # fmt: skip
AT_ONCE = {
    "streams": (order("a"), order("b")),
    "events with the same tag": (order("a", "red"), order("b", "red")),
    "conditions on different tags": (order("a", "red", nothing=RED), order("b", "green", nothing=GREEN)),
    "ids": (order("a", id="a"), order("b", id="b")),
}
OPENED = 2
"""The position of the transaction that is open."""


@pytest.mark.parametrize(("first", "second", "refusal"), IN_TURN.values(), ids=IN_TURN)
@asynchronous
async def test_these_take_turns(
    postgres: PostgresServer, new_schema: NewSchema, first: Order, second: Order, refusal: type[Exception] | None
) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        await store.append(Write("first", [event("first", 0)]))
        async with kept_open(database, schema, first):
            appending = asyncio.create_task(record(store, second))
            while not (waits := waiting(database, schema)) and not appending.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        if refusal:
            with pytest.raises(refusal) as refused:
                await appending
            assert getattr(refused.value, "position", OPENED) == OPENED
        else:
            assert await appending > OPENED
        assert waits
        assert await store.check() == []


@pytest.mark.parametrize(("first", "second"), AT_ONCE.values(), ids=AT_ONCE)
@asynchronous
async def test_these_do_not(postgres: PostgresServer, new_schema: NewSchema, first: Order, second: Order) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        await store.append(Write("first", [event("first", 0)]))
        async with kept_open(database, schema, first):
            assert await record(store, second) > OPENED


@asynchronous
async def test_an_id_that_is_under_way_is_waited_for(postgres: PostgresServer, new_schema: NewSchema) -> None:
    url, database, schema = place(postgres, new_schema)
    async with await PostgresStore.open(url) as store:
        await store.append(Write("first", [event("first", 0)]))
        async with kept_open(database, schema, order("a", id="x")):
            appending = asyncio.create_task(record(store, order("b", id="x")))
            while not waiting(database, schema):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert await appending == OPENED


async def record(store: PostgresStore, order: Order) -> Position:
    return (await store.append(*order.writes, condition=order.condition, id=order.id)).first


def waiting(database: str, schema: str) -> bool:
    """Whether a store waits for a lock."""
    who = f"wait_event = 'advisory' AND application_name = 'headwater {schema}'"
    return bool(value(database, f"SELECT count(*) FROM pg_stat_activity WHERE {who}"))

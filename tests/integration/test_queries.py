"""Asking keyed views: by key and by fields, as of a position if wanted."""

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from bank import Opened, balances

from headwater import App, NewEvent, Runtime, SqlView, View, Write, event
from headwater.errors import BadInput, UnknownType
from headwater.fold import AnyView
from headwater.testing.running import asynchronous


class Grade(enum.Enum):
    PLAIN = "plain"
    FINE = "fine"


@event("item.listed")
class Listed:
    name: str
    price: Decimal | None
    grade: Grade
    listed: datetime
    stock: int
    sold_out: bool
    kind: Literal["toy", "tool"]


class Item(msgspec.Struct, frozen=True):
    name: str
    price: Decimal | None = None
    grade: Grade = Grade.PLAIN
    listed: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    stock: int = 0
    sold_out: bool = False
    kind: Literal["toy", "tool"] = "toy"


def listed(item: Item, happened: Listed) -> Item:
    return msgspec.convert(msgspec.to_builtins(happened), Item)


items = View("items", lambda happened: happened.name, Item, listed, index=["grade", ("kind", "stock")])
stall = App("stall", views=[items])

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
STOCK = [
    Item("a", Decimal("9.50"), Grade.FINE, NOON, 1, False, "toy"),
    Item("b", Decimal("10"), Grade.PLAIN, NOON + timedelta(days=1), 2, True, "tool"),
    Item("c", None, Grade.FINE, NOON + timedelta(days=2), 3, False, "tool"),
    Item("d", Decimal("-3.2"), Grade.FINE, NOON + timedelta(days=3), 3, False, "toy"),
    Item("e", Decimal("100.00"), Grade.PLAIN, NOON + timedelta(days=4), 4, False, "toy"),
]


async def fill(runtime: Runtime) -> None:
    events = [NewEvent("item.listed", msgspec.json.encode(each)) for each in STOCK]
    done = await runtime.store.append(Write("stall", events))
    await runtime.get(items, "a", after=done.last)


def names(found: list[Item]) -> str:
    return "".join(item.name for item in found)


@asynchronous
async def test_a_row_comes_back_as_it_was_put_in(url: str) -> None:
    async with Runtime.open(stall, url) as runtime:
        await fill(runtime)
        for item in STOCK:
            assert await runtime.get(items, item.name) == item
        assert await runtime.find(items, order_by=["name"]) == STOCK
        assert await runtime.get(items, "nothing") is None


WHERE: list[tuple[Mapping[str, Any], str]] = [
    ({}, "abcde"),
    ({"name": "b"}, "b"),
    ({"grade": Grade.FINE}, "acd"),
    ({"grade": Grade.FINE, "kind": "toy"}, "ad"),
    ({"kind": "toy", "stock": [1, 4]}, "ae"),
    ({"stock": (1, 2)}, "ab"),
    ({"stock": {3}}, "cd"),
    ({"stock": frozenset([9])}, ""),
    ({"price": None}, "c"),
    ({"price": [None, Decimal("10")]}, "bc"),
    ({"price": [None, None]}, "c"),
    ({"price": Decimal("9.50")}, "a"),
    ({"sold_out": True}, "b"),
    ({"sold_out": [True, False]}, "abcde"),
    ({"listed": NOON}, "a"),
    ({"name": None}, ""),
    ({"name": "b' OR '1'='1"}, ""),
]


@asynchronous
async def test_rows_are_found_by_their_fields(url: str) -> None:
    async with Runtime.open(stall, url) as runtime:
        await fill(runtime)
        for where, expected in WHERE:
            assert names(await runtime.find(items, where=where, order_by=["name"])) == expected, where
            assert await runtime.count(items, where=where) == len(expected), where


ORDER = [
    (["name"], "abcde"),
    (["-name"], "edcba"),
    (["price", "name"], "cdabe"),  # by value, not by digits; None comes first
    (["-price"], "ebadc"),
    (["kind", "-name"], "cbeda"),
    (["-stock", "name"], "ecdba"),
    (["-listed"], "edcba"),
    ([], "abcde"),
]


@asynchronous
async def test_rows_are_sorted(url: str) -> None:
    async with Runtime.open(stall, url) as runtime:
        await fill(runtime)
        for order, expected in ORDER:
            assert names(await runtime.find(items, order_by=order)) == expected, order


@asynchronous
async def test_decimals_that_doubles_do_not_tell_apart_are_sorted_too(url: str) -> None:
    prices = [Decimal("0.1"), Decimal("0.10000000000000000001"), Decimal("0.10000000000000000002"), Decimal(1)]
    async with Runtime.open(stall, url) as runtime:
        rows = [Item(str(n), price) for n, price in enumerate(prices)]
        events = [NewEvent("item.listed", msgspec.json.encode(each)) for each in reversed(rows)]
        done = await runtime.store.append(Write("stall", events))
        assert await runtime.find(items, order_by=["price"], after=done.last) == rows
        assert await runtime.find(items, order_by=["-price"]) == rows[::-1]


@asynchronous
async def test_pages_of_rows(url: str) -> None:
    async with Runtime.open(stall, url) as runtime:
        await fill(runtime)
        for limit, offset, expected in ((2, 0, "ab"), (2, 4, "e"), (0, 0, ""), (9, 5, ""), (100, 1, "bcde")):
            assert names(await runtime.find(items, order_by=["name"], limit=limit, offset=offset)) == expected
        for limit, offset in ((-1, 0), (1, -1)):
            with pytest.raises(BadInput, match="negative"):
                await runtime.find(items, limit=limit, offset=offset)
        for limit, offset in ((2**70, 0), (1, 2**70)):
            with pytest.raises(BadInput):
                await runtime.find(items, limit=limit, offset=offset)


WRONG: list[Mapping[str, Any]] = [
    {"stock": []},
    {"stock": object()},
    {"stock": [1, object()]},
    {"name": "half a character: \ud800"},
    {"grade": "no grade"},
    {"sold_out": "perhaps"},
    {"listed": "yesterday"},
    {"listed": 5},
]


@asynchronous
async def test_what_no_field_can_hold_is_refused(url: str) -> None:
    async with Runtime.open(stall, url) as runtime:
        await fill(runtime)
        for where in WRONG:
            with pytest.raises(BadInput):
                await runtime.find(items, where=where)
            with pytest.raises(BadInput):
                await runtime.count(items, where=where)
        with pytest.raises(BadInput):
            await runtime.get(items, object())  # type: ignore[arg-type]


@asynchronous
async def test_sqlite_does_not_look_for_what_64_bits_do_not_hold() -> None:
    async with Runtime.open(stall, "memory:") as runtime:
        with pytest.raises(BadInput):
            await runtime.find(items, where={"stock": 2**64})


@asynchronous
async def test_unknown_names_are_refused(url: str) -> None:
    totals: AnyView = SqlView("totals", {"totals": "n INTEGER"}, _no_statements)
    async with Runtime.open(App("stall", views=[items, totals]), url) as runtime:
        for where, order in (({"colour": 1}, ["name"]), ({}, ["colour"]), ({}, ["--name"]), ({"name)--": 1}, [])):
            with pytest.raises(UnknownType, match=r"field.*known: name, price"):
                await runtime.find(items, where=where, order_by=order)
        for view in (balances, totals):
            with pytest.raises(UnknownType, match=r"keyed view.*known: items"):
                await runtime.get(view, "a")  # type: ignore[arg-type]
        with pytest.raises(UnknownType, match=r"view 'nothing'; known: items, totals"):
            await runtime.queries.position("nothing")


def _no_statements(happened: Opened) -> list[tuple[str, tuple[object, ...]]]:
    return []


@asynchronous
async def test_integers_beyond_64_bits_come_back(url: str) -> None:
    numbers = [2**63 - 1, 2**63, 2**63 + 1, 2**64, 10**100, -(2**63), -(2**63) - 1, -(10**100), 0]
    async with Runtime.open(App("sums", views=[sums, inline_sums]), url) as runtime:
        for n, number in enumerate(numbers):
            parts = [_part(f"s{n}", part) for part in _in_64_bits(number)]
            done = await runtime.store.append(Write("sums", parts))
            for view in (sums, inline_sums):
                assert await runtime.get(view, f"s{n}", after=done.last) == Sum(f"s{n}", number)
    if url != "memory:":
        async with Runtime.open(App("sums", views=[sums, inline_sums]), url) as runtime:
            await runtime.store.append(Write("sums", [_part("s4", 1)]))
            await runtime.idle()
            assert await runtime.get(sums, "s4") == Sum("s4", 10**100 + 1)


@event("sum.added")
class Added:
    name: str
    digits: str


class Sum(msgspec.Struct, frozen=True):
    name: str
    total: int = 0
    on: date | None = None


def add(row: Sum, happened: Added) -> Sum:
    return Sum(row.name, row.total + int(happened.digits))


sums = View("sums", lambda happened: happened.name, Sum, add)
inline_sums = View("inline_sums", lambda happened: happened.name, Sum, add, inline=True)


def _part(name: str, number: int) -> NewEvent:
    return NewEvent("sum.added", msgspec.json.encode({"name": name, "digits": str(number)}))


def _in_64_bits(number: int) -> list[int]:
    return [number - number // 2, number // 2]


@asynchronous
async def test_indexes_are_used() -> None:
    async with Runtime.open(stall, "memory:") as runtime:
        await fill(runtime)
        for where, wanted in (
            ({"grade": Grade.FINE}, "USING INDEX items__1_0 (grade=?)"),
            ({"kind": "toy", "stock": 3}, "USING INDEX items__1_1 (kind=? AND stock=?)"),
            ({"kind": ["toy", "tool"], "stock": [1, 2]}, "USING INDEX items__1_1 (kind=? AND stock=?)"),
            ({"name": "a"}, "USING PRIMARY KEY (name=?)"),
        ):
            assert wanted in await _plan(runtime, where), where
        assert "SCAN" in await _plan(runtime, {"price": Decimal(1)}), "the test can tell"


async def _plan(runtime: Runtime, where: Mapping[str, Any]) -> str:
    """How SQLite goes about `find`."""
    asked: list[tuple[str, Any]] = []

    def note(_cursor: Any, sql: str, values: Any) -> bool:
        asked.append((sql, values))
        return True

    connection = runtime.store.reader
    connection.exec_trace = note
    try:
        await runtime.find(items, where=where)
    finally:
        connection.exec_trace = None
    sql, values = next((sql, values) for sql, values in asked if sql.startswith('SELECT * FROM "items__'))
    return " ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))

"""Products: their data access in plain SQL, and what the shop does with them by the domain's rules."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from headwater.clock import Clock, SystemClock, to_datetime
from headwater.errors import Rejected
from headwater_shop.contract import PAGE, Category, Found, Item
from headwater_shop.domain import product
from headwater_shop.domain.shared import Line
from headwater_shop.parts.database import Connection, Database, Row
from headwater_shop.searching import conditions

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS product (stock_code TEXT PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, "
    "price TEXT NOT NULL, on_hand INTEGER, reserved INTEGER NOT NULL DEFAULT 0, sold INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS reservation (stock_code TEXT NOT NULL, order_id TEXT NOT NULL, "
    "quantity INTEGER NOT NULL, PRIMARY KEY (stock_code, order_id))",
    "CREATE INDEX IF NOT EXISTS reservation_of_order ON reservation (order_id)",
)
SORTS: Final = {
    "popular": "(on_hand IS NULL OR on_hand <= reserved), sold DESC, stock_code",
    "price": "CAST(price AS DOUBLE PRECISION), stock_code",
    "price-down": "CAST(price AS DOUBLE PRECISION) DESC, stock_code",
    "name": "lower(name), stock_code",
}
_FIELDS = "stock_code, name, category, price, on_hand, reserved, sold"


class Products:
    """A Shelf and a Stock in a database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())

    async def categories(self) -> list[Category]:
        return await self._database.read(categories)

    async def search(self, words: str, category: str, sort: str, page: int) -> Found:
        return await self._database.read(lambda on: search(on, words, category, sort, page))

    async def item(self, stock_code: str) -> Item | None:
        return await self._database.read(lambda on: item(on, stock_code))

    async def kept(self, order_id: str, lines: Sequence[Line]) -> list[Item]:
        """As `reserve`; the products as they are then."""
        return await self._database.change(lambda on: reserve(on, order_id, lines, self._now()))

    async def reserve(self, order_id: str, lines: Sequence[Line]) -> None:
        await self.kept(order_id, lines)

    async def release(self, order_id: str) -> None:
        await self._database.change(lambda on: release(on, order_id, self._now()))

    async def ship(self, order_id: str) -> None:
        await self._database.change(lambda on: ship(on, order_id, self._now()))

    async def stock(self, items: Iterable[Item]) -> None:
        """Put products onto the shelves; those that are there are left as they are."""
        await self._database.change(lambda on: stock(on, items))


# What is done within a transaction


def categories(on: Connection) -> list[Category]:
    """All categories by name, 'Other' last, each with its best seller."""
    rows = on.rows(
        "SELECT category, items, stock_code FROM (SELECT category, stock_code, "
        "count(*) OVER (PARTITION BY category) AS items, "
        "row_number() OVER (PARTITION BY category ORDER BY sold DESC, stock_code) AS place "
        "FROM product WHERE category <> '') AS ranked WHERE place = 1 ORDER BY category = 'Other', category"
    )
    return [Category(row["category"], row["items"], row["stock_code"]) for row in rows]


def search(on: Connection, words: str, category: str, sort: str, page: int) -> Found:
    """Products with every one of the words in their name, or that word as their code."""
    where, values = conditions(words, category)
    condition = " AND ".join(where) or "1 = 1"
    [counted] = on.rows(f"SELECT count(*) AS n FROM product WHERE {condition}", *values)
    page = min(page, max(1, -(-counted["n"] // PAGE)))
    sql = f"SELECT {_FIELDS} FROM product WHERE {condition} ORDER BY {SORTS[sort]} LIMIT ? OFFSET ?"
    rows = on.rows(sql, *values, PAGE, (page - 1) * PAGE)
    return Found(tuple(_item(row) for row in rows), counted["n"], page)


def item(on: Connection, stock_code: str) -> Item | None:
    rows = on.rows(f"SELECT {_FIELDS} FROM product WHERE stock_code = ?", stock_code)
    return _item(rows[0]) if rows else None


def _item(row: Row) -> Item:
    available = None if row["on_hand"] is None else row["on_hand"] - row["reserved"]
    return Item(row["stock_code"], row["name"], row["category"], Decimal(row["price"]), available, row["sold"])


def reserve(on: Connection, order_id: str, lines: Sequence[Line], at: datetime) -> list[Item]:
    """Keep the pieces of all lines; the transaction is to be undone where this raises Rejected."""
    for line in lines:
        command = product.ReserveStock(line.stock_code, order_id, line.quantity, line.unit_price, at)
        for event in _done(on, command):
            if isinstance(event, product.ReservationRefused):
                raise Rejected(event.reason, event.code, stock_code=event.stock_code)
    return [found for line in lines if (found := item(on, line.stock_code)) is not None]


def release(on: Connection, order_id: str, at: datetime) -> None:
    for code in _kept_for(on, order_id):
        _done(on, product.ReleaseStock(code, order_id, at))


def ship(on: Connection, order_id: str, at: datetime) -> None:
    for code in _kept_for(on, order_id):
        _done(on, product.ShipStock(code, order_id, at))


def _kept_for(on: Connection, order_id: str) -> list[str]:
    rows = on.rows("SELECT stock_code FROM reservation WHERE order_id = ? ORDER BY stock_code", order_id)
    return [row["stock_code"] for row in rows]


def stock(on: Connection, items: Iterable[Item]) -> None:
    for each in items:
        on.run(
            "INSERT INTO product (stock_code, name, category, price, on_hand) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (stock_code) DO NOTHING",
            each.stock_code, each.name, each.category, str(each.price), each.available,
        )  # fmt: skip


def _done(on: Connection, command: product.ReserveStock | product.ReleaseStock | product.ShipStock) -> list[Any]:
    """What the rules answer, and written down."""
    events = list(product.decide(command, _state(on, command.stock_code)))
    for event in events:
        _write(on, event)
    return events


def _state(on: Connection, stock_code: str) -> product.Product:
    rows = on.rows("SELECT price, on_hand FROM product WHERE stock_code = ?", stock_code)
    if not rows:
        return product.Product()
    kept = on.rows("SELECT order_id, quantity FROM reservation WHERE stock_code = ?", stock_code)
    reserved = {row["order_id"]: row["quantity"] for row in kept}
    return product.Product(Decimal(rows[0]["price"]), rows[0]["on_hand"], reserved)


def _write(on: Connection, event: product.ProductEvent) -> None:
    match event:
        case product.StockReserved(code, order_id, quantity):
            on.run("INSERT INTO reservation VALUES (?, ?, ?)", code, order_id, quantity)
            on.run("UPDATE product SET reserved = reserved + ? WHERE stock_code = ?", quantity, code)
        case product.ReservationReleased():
            _drop(on, event)
        case product.StockShipped(code, _, quantity):
            _drop(on, event)
            sql = "UPDATE product SET on_hand = on_hand - ?, sold = sold + ? WHERE stock_code = ?"
            on.run(sql, quantity, quantity, code)


def _drop(on: Connection, event: product.ReservationReleased | product.StockShipped) -> None:
    code, order_id, quantity = event.stock_code, event.order_id, event.quantity
    on.run("DELETE FROM reservation WHERE stock_code = ? AND order_id = ?", code, order_id)
    on.run("UPDATE product SET reserved = reserved - ? WHERE stock_code = ?", quantity, code)

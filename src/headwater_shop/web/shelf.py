"""What the shop has to show: products found by words, category, price or luck; as SQL over the product view."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from headwater.app import Runtime
from headwater_shop.contract import PAGE, Category, Found, Item, Sort
from headwater_shop.event_driven.views import ProductCard
from headwater_shop.searching import conditions

# The SQL here is understood by SQLite and PostgreSQL alike. In the former exact decimals are text: for sorting, their
# nearest float is good enough.
SORTS: Final[dict[Sort, str]] = {
    "popular": "(available IS NULL OR available <= 0), sold DESC, stock_code",
    "price": "CAST(price AS DOUBLE PRECISION), stock_code",
    "price-down": "CAST(price AS DOUBLE PRECISION) DESC, stock_code",
    "name": "lower(name), stock_code",
}

_FIELDS: Final = "stock_code, name, category, price, available, sold"


def item(card: ProductCard) -> Item:
    """A product's card as it stands on a shelf."""
    return Item(card.stock_code, card.name, card.category, card.price, card.available, card.sold)


async def categories(runtime: Runtime) -> list[Category]:
    """All categories by name, 'Other' last."""
    rows = await runtime.sql(
        "SELECT category, items, stock_code FROM (SELECT category, stock_code, "
        "count(*) OVER (PARTITION BY category) AS items, "
        "row_number() OVER (PARTITION BY category ORDER BY sold DESC, stock_code) AS place "
        "FROM product_card WHERE listed AND category <> '') AS ranked "
        "WHERE place = 1 ORDER BY category = 'Other', category"
    )
    return [Category(row["category"], row["items"], row["stock_code"]) for row in rows]


async def search(
    runtime: Runtime, *, words: str = "", category: str = "", sort: Sort = "popular", page: int = 1
) -> Found:
    """Listed products with every one of the words in their name (or that word as their code)."""
    where, values = _conditions(words, category)
    total = int((await runtime.sql(f"SELECT count(*) AS n FROM product_card WHERE {where}", values))[0]["n"])
    page = min(page, max(1, -(-total // PAGE)))
    order = SORTS[sort]
    items = await _items(runtime, f"{where} ORDER BY {order} LIMIT ? OFFSET ?", [*values, PAGE, (page - 1) * PAGE])
    return Found(tuple(items), total, page)


async def best_sellers(runtime: Runtime, limit: int, *, category: str = "", besides: str = "") -> list[Item]:
    """What sells best and is there to be bought."""
    where, values = _conditions("", category)
    rest = f"{where} AND stock_code != ? AND available > 0 ORDER BY sold DESC, stock_code LIMIT ?"
    return await _items(runtime, rest, [*values, besides, limit])


async def small_gifts(runtime: Runtime, limit: int, below: Decimal) -> list[Item]:
    """What sells best below a price, at most one thing of a category."""
    ranked = (
        f"SELECT {_FIELDS}, row_number() OVER (PARTITION BY category ORDER BY sold DESC, stock_code) AS rank "
        "FROM product_card WHERE listed AND available > 0 AND CAST(price AS DOUBLE PRECISION) < ?"
    )
    rows = await runtime.sql(
        f"SELECT {_FIELDS} FROM ({ranked}) AS ranked WHERE rank = 2 ORDER BY sold DESC LIMIT ?", [float(below), limit]
    )
    return msgspec.convert(rows, list[Item])


def _conditions(words: str, category: str) -> tuple[str, list[Any]]:
    where, values = conditions(words, category)
    return " AND ".join(["listed", *where]), values


async def _items(runtime: Runtime, rest: str, values: Sequence[Any]) -> list[Item]:
    rows = await runtime.sql(f"SELECT {_FIELDS} FROM product_card WHERE {rest}", values)
    return msgspec.convert(rows, list[Item])

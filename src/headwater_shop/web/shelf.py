"""What the shop has to show: products found by words, category, price or luck; as SQL over the product view."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from headwater.app import Runtime
from headwater_shop.event_driven.views import ProductCard

PAGE: Final = 24
MAX_PAGE: Final = 1000
MAX_WORDS: Final = 8

# The SQL here is understood by SQLite and PostgreSQL alike. In the former exact decimals are text: for sorting, their
# nearest float is good enough.
SORTS: Final = {
    "popular": ("Best sellers", "(available IS NULL OR available <= 0), sold DESC, stock_code"),
    "price": ("Price, low to high", "CAST(price AS DOUBLE PRECISION), stock_code"),
    "price-down": ("Price, high to low", "CAST(price AS DOUBLE PRECISION) DESC, stock_code"),
    "name": ("Name, A to Z", "lower(name), stock_code"),
}

_FIELDS: Final = "stock_code, name, category, price, available, sold"


class Item(msgspec.Struct, frozen=True):
    """A product on a shelf."""

    stock_code: str
    name: str
    category: str
    price: Decimal
    available: int | None
    sold: int

    @property
    def stock(self) -> str:
        """How much there is: 'plenty', 'few' or 'none'."""
        if not self.available or self.available <= 0:
            return "none"
        return "few" if self.available <= 10 else "plenty"


class Category(msgspec.Struct, frozen=True):
    """A category, with the product that sells best in it as its face."""

    category: str
    items: int
    stock_code: str


class Found(msgspec.Struct, frozen=True):
    """One page of a search."""

    items: list[Item]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


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
    runtime: Runtime, *, words: str = "", category: str = "", sort: str = "popular", page: int = 1
) -> Found:
    """Listed products with every one of the words in their name (or that word as their code)."""
    where, values = _conditions(words, category)
    total = int((await runtime.sql(f"SELECT count(*) AS n FROM product_card WHERE {where}", values))[0]["n"])
    page = min(page, max(1, -(-total // PAGE)))
    order = SORTS.get(sort, SORTS["popular"])[1]
    items = await _items(runtime, f"{where} ORDER BY {order} LIMIT ? OFFSET ?", [*values, PAGE, (page - 1) * PAGE])
    return Found(items, total, page)


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
    where, values = ["listed"], list[Any]()
    if category:
        where.append("category = ?")
        values.append(category)
    for word in words.split()[:MAX_WORDS]:
        where.append("(lower(name) LIKE ? ESCAPE '\\' OR stock_code = ?)")
        values += [f"%{_pattern(word.lower())}%", word.upper()]
    return " AND ".join(where), values


def _pattern(word: str) -> str:
    """The word without its plural, as a LIKE pattern."""
    stem = word[:-1] if len(word) > 3 and word.lower().endswith("s") and not word.lower().endswith("ss") else word
    return "".join("\\" + letter if letter in "\\%_" else letter for letter in stem)


async def _items(runtime: Runtime, rest: str, values: Sequence[Any]) -> list[Item]:
    rows = await runtime.sql(f"SELECT {_FIELDS} FROM product_card WHERE {rest}", values)
    return msgspec.convert(rows, list[Item])

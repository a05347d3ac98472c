"""What trends at the moment, asked of the database once for all who watch."""

import asyncio
from decimal import Decimal
from math import exp
from typing import Final

import msgspec

from headwater.app import Runtime
from headwater.clock import to_datetime
from headwater.errors import BadInput
from headwater_shop.event_driven.trending import heat, trending

MOST: Final = 24
MOST_WORDS: Final = 12
FRESH: Final = 1.0  # seconds for which an answer holds
FAINT: Final = 0.1  # what is worth less than so many looks of this moment does not trend any more

_PRODUCTS: Final = """
SELECT t.stock_code, p.name, p.price, t.views, t.carts, t.heat
FROM trending t JOIN product_card p ON p.stock_code = t.stock_code
WHERE t.heat > ? AND p.listed ORDER BY t.heat DESC, t.stock_code DESC LIMIT ?
"""
_WORDS: Final = "SELECT words FROM trending_words WHERE heat > ? ORDER BY heat DESC, words DESC LIMIT ?"


class Trend(msgspec.Struct, frozen=True):
    """A product that people look at, and how often they did, and put it into their carts, since counting began."""

    stock_code: str
    name: str
    price: Decimal
    views: int
    carts: int
    heat: float

    def share(self, hottest: float) -> Decimal:
        """How hot it is beside the hottest, which has 1."""
        return Decimal(exp(self.heat - hottest))


class Trending(msgspec.Struct, frozen=True):
    """The hottest products and words, hottest first."""

    products: tuple[Trend, ...] = ()
    words: tuple[str, ...] = ()


class Trends:
    """Knows what trends, at most FRESH seconds late. Where nothing counts clicks, `counted` is False and nothing
    trends."""

    def __init__(self, runtime: Runtime) -> None:
        self.counted = trending.name in [each.name for each in runtime.app.consumers]
        self._runtime = runtime
        self._asking = asyncio.Lock()
        self._answer = Trending()
        self._until = float("-inf")

    async def now(self) -> Trending:
        """What trends. Raises StoreError."""
        async with self._asking:
            time = self._runtime.clock.monotonic()
            if self.counted and time >= self._until:
                self._answer = await self._ask()
                self._until = time + FRESH
            return self._answer

    async def _ask(self) -> Trending:
        faint = heat(FAINT, to_datetime(self._runtime.clock.now()))
        try:
            products = await self._runtime.sql(_PRODUCTS, [faint, MOST])
            words = await self._runtime.sql(_WORDS, [faint, MOST_WORDS])
        except BadInput:  # there is no table yet: the consumer has never been at work
            return Trending()
        return Trending(msgspec.convert(products, tuple[Trend, ...]), tuple(row["words"] for row in words))

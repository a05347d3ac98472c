"""The generated shop's catalogue: some 300 gifts and things for the home, all of our own invention."""

import random
from bisect import bisect_left
from decimal import Decimal
from functools import cache

import msgspec

from .figures import PRICE_POINTS, PRICES
from .words import DESIGNS, NOUNS

_SEED = 352  # the catalogue is the same for every seed of the transactions
_DESIGNS_EACH = 4
_FIRST_CODE = 91001  # above the codes of the real data, so that both fit one shop


class CatalogueItem(msgspec.Struct, frozen=True):
    """One product: its price is for one piece."""

    stock_code: str
    name: str
    category: str
    price: Decimal


@cache
def catalogue() -> tuple[CatalogueItem, ...]:
    """Return the whole catalogue, in stock code order; names and codes are unique."""
    rng = random.Random(_SEED)
    drafts = [
        (f"{_FIRST_CODE + 7 * i}{'ABCD'[j]}", f"{design} {noun}", category, worth * rng.uniform(0.75, 1.3))
        for i, (category, noun, worth) in enumerate(_nouns())
        for j, design in enumerate(rng.sample(DESIGNS, _DESIGNS_EACH))
    ]
    pence = _prices([worth for _, _, _, worth in drafts])
    return tuple(
        CatalogueItem(code, name, category, Decimal(p).scaleb(-2))
        for (code, name, category, _), p in zip(drafts, pence, strict=True)
    )


def quantile(points: tuple[tuple[float, int], ...], share: float) -> float:
    """Read a distribution given as (share, value) points at `share`, straight between the points."""
    at = max(1, bisect_left(points, (share, 0)))
    (x0, y0), (x1, y1) = points[at - 1], points[min(at, len(points) - 1)]
    return y0 if x1 == x0 else y0 + (y1 - y0) * (share - x0) / (x1 - x0)


def _nouns() -> list[tuple[str, str, float]]:
    return [(category, noun, worth) for category, nouns in NOUNS.items() for noun, worth in nouns]


def _prices(worths: list[float]) -> list[int]:
    """Give the dearest thing the dearest price of the real distribution, and so on down, at usual price points."""
    prices = [0] * len(worths)
    for rank, i in enumerate(sorted(range(len(worths)), key=worths.__getitem__)):
        target = quantile(PRICES, (rank + 0.5) / len(worths))
        prices[i] = min(PRICE_POINTS, key=lambda p: abs(p - target))
    return prices

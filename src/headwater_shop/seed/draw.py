"""Seeded draws from the figures: who buys, when, and what."""

import random
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from typing import TypeVar

from . import figures
from .catalogue import CatalogueItem, catalogue, quantile
from .rows import Buyer

T = TypeVar("T")

_FIRST_CUSTOMER = 20001  # above the real data's
_FEW = 40


def weighted(rng: random.Random, weights: Mapping[T, int]) -> T:
    """Draw a key by its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def buyers(rng: random.Random, orders: int) -> list[Buyer]:
    """Draw a buyer for each order: some customers come back often, most do not, and the web shop's are unknown."""
    unknown = sum(rng.random() < figures.ANONYMOUS_ORDERS for _ in range(orders))
    found = [Buyer("", weighted(rng, figures.ANONYMOUS_COUNTRIES)) for _ in range(unknown)]
    number = _FIRST_CUSTOMER
    while len(found) < orders:
        customer = Buyer(str(number), weighted(rng, figures.COUNTRIES))
        found += [customer] * weighted(rng, figures.ORDERS_PER_CUSTOMER)
        number += 1
    del found[orders:]
    rng.shuffle(found)
    return found


def moments(rng: random.Random, count: int, start: date, days: int) -> list[datetime]:
    """Draw so many trading moments in order, by month, weekday and hour."""
    dates = [start + timedelta(d) for d in range(days)]
    weights = [_busy(day) for day in dates]
    if count and not any(weights):
        raise ValueError(f"no trading day in the {days} days from {start}: choose a longer period")
    drawn = rng.choices(dates, weights, k=count) if count else []
    return sorted(at_work(rng, day) for day in drawn)


def at_work(rng: random.Random, day: date) -> datetime:
    """Draw a moment of the day, by hour."""
    return datetime.combine(day, time(weighted(rng, figures.HOURS), rng.randrange(60)))


def is_open(day: date) -> bool:
    """Say whether the retailer works that day: not on Saturdays, nor from Christmas Eve to 3 January."""
    holidays = (day.month == 12 and day.day >= 24) or (day.month == 1 and day.day <= 3)
    return figures.WEEKDAYS[day.weekday()] > 0 and not holidays


class Shelf:
    """The catalogue with a popularity of its own for each seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        items = list(catalogue())
        rng.shuffle(items)
        self._items = items
        step = figures.POPULARITY[-1][0] / len(items)
        self._weights = [quantile(figures.POPULARITY, 1 + i * step) for i in range(len(items))]
        self._sums = list(accumulate(self._weights))
        spaced = {item.stock_code for item in items if rng.random() < figures.TRAILING_SPACE}
        self._texts = {i.stock_code: i.name.upper() + " " * (i.stock_code in spaced) for i in items}

    def pick(self, count: int) -> list[CatalogueItem]:
        """Draw so many different products (at most the catalogue), popular ones more often."""
        if count > _FEW:
            return self._pick_many(count)
        found: dict[str, CatalogueItem] = {}
        while len(found) < count:
            for item in self._rng.choices(self._items, cum_weights=self._sums, k=count - len(found)):
                found[item.stock_code] = item
        return list(found.values())

    def description(self, item: CatalogueItem) -> str:
        """Return the name as the transactions write it: capitals, and now and then a space at the end."""
        return self._texts[item.stock_code]

    def _pick_many(self, count: int) -> list[CatalogueItem]:
        # Efraimidis and Spirakis: the largest of random ** (1 / weight) are a weighted sample without replacement.
        keys = [(self._rng.random() ** (1 / w), i) for i, w in enumerate(self._weights)]
        return [self._items[i] for _, i in sorted(keys, reverse=True)[:count]]


def _busy(day: date) -> float:
    if not is_open(day):
        return 0.0
    return figures.MONTHS[day.month - 1] * figures.WEEKDAYS[day.weekday()] / _open_weight(day.year, day.month)


@cache
def _open_weight(year: int, month: int) -> int:
    dates = (date(year, month, d + 1) for d in range(monthrange(year, month)[1]))
    return sum(figures.WEEKDAYS[d.weekday()] for d in dates if is_open(d))

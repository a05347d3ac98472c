"""Who comes to the shop, when, and what for: drawn before the load begins, so that it does not wait for the shop."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import quote

import msgspec

from headwater_shop.contract import PREFIX, Checkout, Item
from headwater_shop.domain.shared import Address, Line, total

LINES: Final = (1, 3)
PIECES: Final = (1, 3)
PROBES: Final = 0.1
"""The share of orders that ask for what runs out."""

ADDRESS: Final = Address("1 Mill Lane", "Ambleton", "AM1 2BL", "United Kingdom")
NAME: Final = "A Shopper"


@dataclass(frozen=True)
class Burst:
    """So many times as many come, from then until then."""

    start: float
    end: float
    factor: float


@dataclass(frozen=True)
class Look:
    """Somebody looks at a page."""

    at: float
    path: str


@dataclass(frozen=True)
class Order:
    """Somebody orders. A probe asks for what there is little of, and may well be refused."""

    at: float
    order_id: str
    customer_id: str
    pieces: Mapping[str, int]
    amount: Decimal
    body: bytes
    probe: bool = False


Arrival = Look | Order


@dataclass(frozen=True)
class Market:
    """What is sold, to whom: plenty of each of the `items`, little of the `scarce` one."""

    items: Sequence[Item]
    scarce: Item | None
    customers: Sequence[str]


def times(rng: random.Random, rate: float, seconds: float, burst: Burst | None = None) -> list[float]:
    """When a Poisson process of so many a second happens, in order."""
    if burst is None:
        return list(_steady(rng, rate, 0.0, seconds))
    return [
        *_steady(rng, rate, 0.0, burst.start),
        *_steady(rng, rate * burst.factor, burst.start, burst.end),
        *_steady(rng, rate, burst.end, seconds),
    ]


def _steady(rng: random.Random, rate: float, start: float, end: float) -> Iterator[float]:
    at = start
    while rate > 0 and (at := at + rng.expovariate(rate)) < end:
        yield at


def looks(rng: random.Random, at: Sequence[float], market: Market) -> list[Look]:
    """What those who come then look at: half of them a product, the others a search or the categories."""
    return [Look(each, PREFIX + _page(rng, market)) for each in at]


def _page(rng: random.Random, market: Market) -> str:
    item = rng.choice(market.items)
    kind = rng.random()
    if kind < 0.5:
        return f"/products/{quote(item.stock_code)}"
    if kind < 0.7:
        return f"/products?words={quote(item.name.split()[-1])}"
    if kind < 0.9:
        return f"/products?category={quote(item.category)}&sort=price"
    return "/categories"


def orders(rng: random.Random, at: Sequence[float], market: Market, prefix: str) -> list[Order]:
    """What those who come then order; ids begin with the prefix, a small letter first."""
    return [_order(rng, each, market, f"{prefix}-{number:05d}") for number, each in enumerate(at)]


def _order(rng: random.Random, at: float, market: Market, order_id: str) -> Order:
    probe = market.scarce is not None and rng.random() < PROBES
    wanted = [market.scarce] if probe and market.scarce else rng.sample(market.items, rng.randint(*LINES))
    lines = tuple(Line(each.stock_code, each.name, 1 if probe else rng.randint(*PIECES), each.price) for each in wanted)
    return order(at, order_id, rng.choice(market.customers), lines, probe=probe)


def order(at: float, order_id: str, customer_id: str, lines: tuple[Line, ...], *, probe: bool = False) -> Order:
    """An order of those lines."""
    body = msgspec.json.encode(Checkout(customer_id, NAME, ADDRESS, lines))
    pieces = {line.stock_code: line.quantity for line in lines}
    return Order(at, order_id, customer_id, pieces, total(lines), body, probe)

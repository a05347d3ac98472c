"""The one HTTP contract of the shop, whichever way it is built: what is asked of it, and what it answers.

Every architecture serves these addresses at its front door, in JSON; so the same pages, the same tests and the same
laboratory sit on each of them.

    GET  /api/shop/categories                     -> [Category]
    GET  /api/shop/products?words=&category=&sort=&page=  -> Found
    GET  /api/shop/products/{stock_code}          -> Item          404
    PUT  /api/shop/customers/{customer_id}        NewCustomer -> Customer
    GET  /api/shop/customers/{customer_id}        -> Customer      404
    GET  /api/shop/customers/{customer_id}/orders -> [PlacedOrder], newest first
    PUT  /api/shop/orders/{order_id}              Checkout -> PlacedOrder
    GET  /api/shop/orders/{order_id}              -> PlacedOrder   404
    POST /api/shop/orders/{order_id}/cancel       -> PlacedOrder
    POST /api/shop/orders/{order_id}/pay          {"card": id} -> PlacedOrder, after a payment that was declined
    GET  /api/shop/health                         -> {"architecture": name}

A checkout is asked for with PUT under an id that the customer's side has chosen, so asking again is safe: the answer is
the order as it stands. 201: the order is paid, or about to leave the house. 202: it is recorded and will be dealt with;
how it ends is for GET to tell. 402: the card was declined, the order waits in `payment_failed`. 409: a rule refuses it,
nothing is kept. 400: malformed. 502, 503, 504: somebody behind the front door did not answer; nobody knows what came of
it. Errors are problem details (RFC 9457) with the rule's `code`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from headwater_shop.domain import money
from headwater_shop.domain.shared import Address, Line

PREFIX = "/api/shop"
PAGE = 24

Status = Literal["placed", "payment_due", "payment_failed", "paid", "dispatched", "cancelled"]
FINAL: frozenset[Status] = frozenset({"dispatched", "cancelled"})
Sort = Literal["popular", "price", "price-down", "name"]


class Item(msgspec.Struct, frozen=True):
    """A product on a shelf. `available` is what nobody has reserved; None where it was never counted."""

    stock_code: str
    name: str
    category: str
    price: Decimal
    available: int | None
    sold: int = 0


class Found(msgspec.Struct, frozen=True):
    """One page of a search, PAGE items at most, of `total`."""

    items: tuple[Item, ...]
    total: int
    page: int


class Category(msgspec.Struct, frozen=True):
    """A category, with the product that sells best in it as its face."""

    category: str
    items: int
    stock_code: str


class NewCustomer(msgspec.Struct, frozen=True):
    """What a customer tells of themselves."""

    name: str
    email: str
    address: Address


class Customer(msgspec.Struct, frozen=True):
    """A customer."""

    customer_id: str
    name: str
    email: str
    address: Address


class Checkout(msgspec.Struct, frozen=True):
    """What is bought, at the prices that the customer was shown, and the simulated card that pays."""

    customer_id: str
    customer_name: str
    address: Address
    lines: tuple[Line, ...]
    card: str = "heron"


class PlacedOrder(msgspec.Struct, frozen=True):
    """An order as it stands. `reason` says why it was cancelled or not paid."""

    order_id: str
    customer_id: str
    customer_name: str
    status: Status
    lines: tuple[Line, ...]
    total: Decimal = money.ZERO
    address: Address = Address()
    reason: str = ""
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    dispatched_at: datetime | None = None

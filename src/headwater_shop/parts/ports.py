"""What a shop is divided into, however its parts are spread over processes: each port has an adapter on a database and
one on a service that is asked over HTTP. All raise Rejected where a rule says no, and NoAnswer (see `asking`)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import msgspec

from headwater_shop.contract import Category, Checkout, Customer, Found, Item, NewCustomer, PlacedOrder
from headwater_shop.domain.shared import Line
from headwater_shop.parts.steps import Step


class Held(msgspec.Struct, frozen=True):
    """An order with what those who see to it need to know: the payment that is due, or was made, the card that pays,
    and whether nothing is left to be done."""

    order: PlacedOrder
    payment_id: str = ""
    card: str = ""
    settled: bool = False


class Shelf(Protocol):
    """What there is to buy."""

    async def categories(self) -> Sequence[Category]:
        """All categories by name, 'Other' last."""

    async def search(self, words: str, category: str, sort: str, page: int) -> Found:
        """Products with every one of the words; the last page where there are fewer."""

    async def item(self, stock_code: str) -> Item | None:
        """A product."""


class People(Protocol):
    """Who buys."""

    async def put(self, customer_id: str, new: NewCustomer) -> Customer:
        """Make somebody a customer, or bring what is known of them up to date."""

    async def find(self, customer_id: str) -> Customer | None:
        """A customer."""


class Seen(Protocol):
    """Orders, to be looked at."""

    async def order(self, order_id: str) -> PlacedOrder | None:
        """An order as it stands."""

    async def of_customer(self, customer_id: str) -> Sequence[PlacedOrder]:
        """A customer's orders, newest first."""


class Deals(Seen, Protocol):
    """Orders, as a customer has to do with them."""

    async def place(self, order_id: str, wanted: Checkout) -> PlacedOrder:
        """Sell. Asked again it is still one order, and this is how it stands."""

    async def cancel(self, order_id: str) -> PlacedOrder:
        """Cancel an order at its customer's wish."""

    async def pay(self, order_id: str, card: str) -> PlacedOrder:
        """Take the money from that card, after a payment that failed."""


class Stock(Protocol):
    """The pieces of all products. Each may be asked for again: it is done once."""

    async def reserve(self, order_id: str, lines: Sequence[Line]) -> None:
        """Keep the pieces of all lines, or of none."""

    async def release(self, order_id: str) -> None:
        """The order does not need its pieces any more."""

    async def ship(self, order_id: str) -> None:
        """The order's pieces leave the house."""


class Book(Seen, Protocol):
    """The orders, as those who see to them keep them."""

    async def find(self, order_id: str) -> Held | None:
        """An order."""

    async def take(self, order_id: str, *steps: Step) -> Held:
        """Take these steps, all or none; the order after them. A step that was taken before changes nothing."""

    async def withdraw(self, order_id: str) -> None:
        """Forget an order that was placed, and nothing more."""

    async def unfinished(self, before: datetime) -> Sequence[Held]:
        """Orders of before that moment with which something is left to be done; not those that wait for a customer."""


class Paid(msgspec.Struct, frozen=True):
    """The bank's answer."""

    accepted: bool
    reference: str = ""
    reason: str = ""


class Bank(Protocol):
    """Takes money and gives it back, once for each payment however often it is asked."""

    async def charge(self, payment_id: str, order_id: str, amount: Decimal, card: str) -> Paid:
        """Take the amount from the card."""

    async def call_off(self, payment_id: str, order_id: str, amount: Decimal) -> Paid:
        """Give back what that payment took; if it has not taken anything, it never will."""

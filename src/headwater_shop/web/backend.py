"""What the common pages ask of the shop behind them, however it is built; mostly in the contract's terms."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from headwater_shop.contract import Category, Checkout, Customer, Found, Item, Sort
from headwater_shop.domain import money
from headwater_shop.domain.notification import Occasion
from headwater_shop.domain.shared import Address, Line, total
from headwater_shop.web.session import Shopper

Standing = Literal["placed", "payment_due", "payment_failed", "paid", "dispatched", "cancelled", "returned", "imported"]
"""Where an order stands: the contract's statuses, and two that only a shop with a past knows."""


class NoAnswer(Exception):
    """Whoever should have answered did not, in time or at all. What was only asked for can be asked again; of what was
    to be `changed` nobody knows what came of it, and it may be sent again just as safely."""

    def __init__(self, asked: str, why: str, *, changed: bool = False) -> None:
        super().__init__(f"no answer to {asked}: {why}")
        self.asked = asked
        self.why = why
        self.changed = changed


class Who(msgspec.Struct, frozen=True):
    """Who asks, and up to which position the answer must know what they themselves wrote."""

    shopper: Shopper
    position: int = 0


class Cart(msgspec.Struct, frozen=True):
    """A cart; once it is checked out, with the order that it has become."""

    lines: tuple[Line, ...] = ()
    order_id: str = ""

    @property
    def items(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def total(self) -> Decimal:
        return total(self.lines)


class Notice(msgspec.Struct, frozen=True):
    """A letter that the customer got."""

    occasion: Occasion
    at: datetime


class Order(msgspec.Struct, frozen=True):
    """An order as pages show it: what the contract tells of one, and what some shops know besides. `final` says that
    nothing more will happen by itself; `country` is there even where the rest of an address is not."""

    order_id: str
    customer_id: str = ""
    customer_name: str = ""
    country: str = ""
    status: Standing = "placed"
    reason: str = ""
    lines: tuple[Line, ...] = ()
    total: Decimal = money.ZERO
    address: Address = Address()
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    dispatched_at: datetime | None = None
    final: bool = False
    updated_at: datetime | None = None
    kind: Literal["order", "return"] = "order"
    returned: Decimal = money.ZERO
    notices: tuple[Notice, ...] = ()


class Bought(msgspec.Struct, frozen=True):
    """What a customer has bought in all."""

    country: str
    orders: int
    spent: Decimal
    returned: Decimal


class Orders(msgspec.Struct, frozen=True):
    """A page of a customer's orders, newest first; `bought` where that is known."""

    orders: Sequence[Order] = ()
    total: int = 0
    page: int = 1
    pages: int = 1
    bought: Bought | None = None


class Shelves(Protocol):
    """What there is to buy. Raises NoAnswer."""

    async def categories(self) -> Sequence[Category]:
        """All categories by name, 'Other' last."""

    async def search(self, words: str, category: str, sort: Sort, page: int) -> Found:
        """Products with every one of the words in their name; the last page where there are fewer."""

    async def best_sellers(self, limit: int, *, category: str = "", besides: str = "") -> Sequence[Item]:
        """What sells best and is there to be bought."""

    async def small_gifts(self, limit: int, below: Decimal) -> Sequence[Item]:
        """What sells well below a price, at most one thing of a category."""

    async def products(self, stock_codes: Sequence[str], position: int = 0) -> Mapping[str, Item]:
        """Those of the products that are in the catalogue, as they are at that position or later."""

    async def name_of(self, stock_code: str) -> str | None:
        """The name of a product, sold or only known from the past; None where there never was one."""


class Carts(Protocol):
    """Carts of shoppers, each their open one. What is written answers the position that it reaches: what is read with
    that position knows of it. 0 where everything does. Raises NoAnswer, and Rejected where a rule refuses."""

    async def cart(self, who: Who) -> Cart:
        """The cart as it is; one of which nothing is known is empty."""

    async def add(self, shopper: Shopper, line: Line) -> int:
        """Put something in, to what is there."""

    async def change(self, shopper: Shopper, stock_code: str, quantity: int) -> int:
        """So many of it, from now on; 0 takes it out."""

    async def checkout(self, shopper: Shopper, order_id: str, wanted: Checkout) -> int:
        """Order what is in the cart, under that id. Asked again, it is still one order. Whether it could be paid is
        for the order to tell."""


class Deals(Protocol):
    """Customers and their orders. Positions and errors are those of Carts."""

    async def customer(self, customer_id: str, position: int = 0) -> Customer | None:
        """A customer."""

    async def put_customer(self, customer: Customer) -> int:
        """Make somebody a customer, or bring what is known of them up to date."""

    async def order(self, who: Who, order_id: str) -> Order | None:
        """An order as it stands; also one that who asks has only just checked out."""

    async def orders_of(self, customer_id: str, page: int, position: int = 0) -> Orders:
        """A customer's orders; none of one who is not known."""

    async def cancel(self, order_id: str) -> int:
        """Cancel an order at its customer's wish."""

    async def pay(self, order_id: str, card: str) -> int:
        """Take the money from that card, after a payment that failed."""

    def changes(self, order_id: str) -> AsyncGenerator[Order | None, None]:
        """The order as it is, and again whenever it has changed, until it is final. None every now and then while
        nothing changes."""


class Backend(Shelves, Carts, Deals, Protocol):
    """All of it."""

    async def reached(self, position: int) -> int:
        """The position, or as far as there is anything: a position that nothing reaches would be waited for in vain."""

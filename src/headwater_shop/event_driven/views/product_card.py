"""Products as shoppers find them: catalogue, price, stock, and what each has sold."""

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from operator import attrgetter
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import View
from headwater_shop.domain import money, order_events, product
from headwater_shop.domain.invoice import OrderImported
from headwater_shop.domain.shared import Line, total


class ProductCard(msgspec.Struct, frozen=True):
    """`listed` products can be bought; others only occur in history (postage, fees, vouchers).

    `sold` and `revenue` are gross: quantity and money of paid and of historical sales. `available` is None where the
    stock was never counted.
    """

    stock_code: str
    name: str = ""
    category: str = ""
    price: Decimal = money.ZERO
    picture: str = ""
    listed: bool = False
    on_hand: int | None = None
    reserved: int = 0
    available: int | None = None
    sold: int = 0
    revenue: Decimal = money.ZERO
    sale_rows: int = 0


SaleEvent = OrderImported | order_events.OrderPaid
CardEvent = (
    product.ProductListed
    | product.ProductRepriced
    | product.StockCounted
    | product.StockReceived
    | product.StockReserved
    | product.ReservationReleased
    | product.StockShipped
    | OrderImported
    | order_events.OrderPaid
)


def _card_key(event: CardEvent) -> str | Iterable[str]:
    if isinstance(event, OrderImported | order_events.OrderPaid):
        return {line.stock_code for line in event.lines}
    return event.stock_code


def _evolve_card(card: ProductCard, event: CardEvent) -> ProductCard:
    match event:
        case OrderImported() | order_events.OrderPaid():
            return _sold(card, _lines_of(card.stock_code, event))
        case product.ProductListed():
            listed = replace(
                card, name=event.name, category=event.category, price=event.price, picture=event.picture, listed=True
            )
            return _stocked(listed, event.on_hand, card.reserved)
        case product.ProductRepriced():
            return replace(card, price=event.price)
        case product.StockCounted():
            return _stocked(card, event.on_hand, card.reserved)
        case product.StockReceived():
            return _stocked(card, (card.on_hand or 0) + event.quantity, card.reserved)
        case product.StockReserved():
            return _stocked(card, card.on_hand, card.reserved + event.quantity)
        case product.ReservationReleased():
            return _stocked(card, card.on_hand, card.reserved - event.quantity)
        case product.StockShipped():
            return _stocked(card, (card.on_hand or 0) - event.quantity, card.reserved - event.quantity)
        case _:
            assert_never(event)


def _stocked(card: ProductCard, on_hand: int | None, reserved: int) -> ProductCard:
    available = None if on_hand is None else on_hand - reserved
    return replace(card, on_hand=on_hand, reserved=reserved, available=available)


_stock_code = attrgetter("stock_code")


def _lines_of(stock_code: str, event: SaleEvent) -> tuple[Line, ...]:
    """The event's lines of one product. Imported ones are ordered by stock code, and may be many."""
    if isinstance(event, order_events.OrderPaid):
        return tuple(line for line in event.lines if line.stock_code == stock_code)
    first = last = bisect_left(event.lines, stock_code, key=_stock_code)
    while last < len(event.lines) and event.lines[last].stock_code == stock_code:
        last += 1
    return event.lines[first:last]


def _sold(card: ProductCard, lines: tuple[Line, ...]) -> ProductCard:
    return replace(
        card,
        name=card.name or lines[0].name,
        sold=card.sold + sum(line.quantity for line in lines),
        revenue=money.add(card.revenue, total(lines)),
        sale_rows=card.sale_rows + len(lines),
    )


product_card = View(
    "product_card",
    key=_card_key,
    initial=ProductCard,
    evolve=_evolve_card,
    index=("category", "listed", "sold"),
)

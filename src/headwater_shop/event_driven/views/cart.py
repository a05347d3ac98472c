"""Carts as their shoppers see them."""

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from headwater import View
from headwater_shop.domain import cart, money
from headwater_shop.domain.shared import Line, total


class CartRow(msgspec.Struct, frozen=True):
    """An open or checked-out cart; `order_id` is set once it is checked out."""

    cart_id: str
    lines: tuple[Line, ...] = ()
    items: int = 0
    total: Decimal = money.ZERO
    order_id: str = ""


def _cart_key(event: cart.CartEvent) -> str:
    return event.cart_id


def _evolve_cart(row: CartRow, event: cart.CartEvent) -> CartRow:
    if isinstance(event, cart.CartCheckedOut):
        return replace(row, order_id=event.order_id)
    folded = cart.evolve(cart.Cart({line.stock_code: line for line in row.lines}), event)
    lines = tuple(folded.lines.values())
    return replace(row, lines=lines, items=sum(line.quantity for line in lines), total=total(lines))


cart_view = View("cart", key=_cart_key, initial=CartRow, evolve=_evolve_cart, inline=True)

"""A cart: what a shopper means to buy, until it is checked out. Prices are those that the shopper was shown."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.shared import Address, Line, Moment, require, require_order_id, total

MAX_QUANTITY: Final = 10_000
MAX_LINES: Final = 200

# Events


@event("cart.item_added")
class ItemAdded:
    cart_id: str
    stock_code: str
    name: str
    unit_price: Decimal
    quantity: int
    at: Moment


@event("cart.quantity_changed")
class QuantityChanged:
    cart_id: str
    stock_code: str
    quantity: int
    at: Moment


@event("cart.item_removed")
class ItemRemoved:
    cart_id: str
    stock_code: str
    at: Moment


@event("cart.checked_out")
class CartCheckedOut:
    cart_id: str
    order_id: str
    customer_id: str
    customer_name: str
    address: Address
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


CartEvent = ItemAdded | QuantityChanged | ItemRemoved | CartCheckedOut

# State


class Cart(msgspec.Struct, frozen=True):
    """The lines by stock code, and the order that the cart has become."""

    lines: Mapping[str, Line] = {}
    order_id: str = ""


def evolve(cart: Cart, event: CartEvent) -> Cart:
    match event:
        case ItemAdded():
            return _with_line(cart, _joined(cart, event))
        case QuantityChanged():
            return _with_line(cart, replace(cart.lines[event.stock_code], quantity=event.quantity))
        case ItemRemoved():
            left = {code: line for code, line in cart.lines.items() if code != event.stock_code}
            return replace(cart, lines=left)
        case CartCheckedOut():
            return replace(cart, order_id=event.order_id)
        case _:
            assert_never(event)


def _joined(cart: Cart, event: ItemAdded) -> Line:
    """The line that the item makes with what lies there already; the newest name and price hold."""
    before = cart.lines.get(event.stock_code)
    quantity = event.quantity + (before.quantity if before else 0)
    return Line(event.stock_code, event.name, quantity, event.unit_price)


def _with_line(cart: Cart, line: Line) -> Cart:
    return replace(cart, lines={**cart.lines, line.stock_code: line})


# Commands


@command("cart.add_item")
class AddItem:
    cart_id: str
    stock_code: str
    name: str
    unit_price: Decimal
    quantity: int
    at: Moment


@command("cart.change_quantity")
class ChangeQuantity:
    """A quantity of 0 removes the item."""

    cart_id: str
    stock_code: str
    quantity: int
    at: Moment


@command("cart.remove_item")
class RemoveItem:
    cart_id: str
    stock_code: str
    at: Moment


@command("cart.check_out")
class CheckOut:
    """Turn the cart into the order `order_id`, a new one, chosen by the caller."""

    cart_id: str
    order_id: str
    customer_id: str
    customer_name: str
    address: Address
    at: Moment


CartCommand = AddItem | ChangeQuantity | RemoveItem | CheckOut

# Decide


def decide(command: CartCommand, cart: Cart) -> Sequence[CartEvent]:
    if isinstance(command, CheckOut):
        return _check_out(command, cart)
    require(not cart.order_id, "checked_out", "this cart is checked out already; begin a new one")
    match command:
        case AddItem():
            return _add(command, cart)
        case ChangeQuantity():
            return _change(command, cart)
        case RemoveItem():
            return _remove(command.cart_id, command.stock_code, command.at, cart)
        case _:
            assert_never(command)


def _add(command: AddItem, cart: Cart) -> Sequence[CartEvent]:
    require(bool(command.stock_code), "stock_code_missing", "an item needs a stock code")
    require(command.unit_price > 0, "price_not_positive", "a price is above zero")
    require(command.quantity > 0, "quantity_not_positive", "a quantity is above zero")
    before = cart.lines.get(command.stock_code)
    _require_not_too_many(command.quantity + (before.quantity if before else 0))
    require(before is not None or len(cart.lines) < MAX_LINES, "cart_full", f"a cart holds at most {MAX_LINES} items")
    return (
        ItemAdded(command.cart_id, command.stock_code, command.name, command.unit_price, command.quantity, command.at),
    )


def _change(command: ChangeQuantity, cart: Cart) -> Sequence[CartEvent]:
    require(command.stock_code in cart.lines, "not_in_cart", f"{command.stock_code} is not in the cart")
    require(command.quantity >= 0, "quantity_negative", "a quantity is not below zero")
    _require_not_too_many(command.quantity)
    if command.quantity == 0:
        return _remove(command.cart_id, command.stock_code, command.at, cart)
    if command.quantity == cart.lines[command.stock_code].quantity:
        return ()
    return (QuantityChanged(command.cart_id, command.stock_code, command.quantity, command.at),)


def _remove(cart_id: str, stock_code: str, at: Moment, cart: Cart) -> Sequence[CartEvent]:
    return (ItemRemoved(cart_id, stock_code, at),) if stock_code in cart.lines else ()


def _check_out(command: CheckOut, cart: Cart) -> Sequence[CartEvent]:
    if cart.order_id and cart.order_id == command.order_id:
        return ()
    require(not cart.order_id, "checked_out", f"this cart has become order {cart.order_id}", order_id=cart.order_id)
    require(bool(cart.lines), "cart_empty", "there is nothing in the cart")
    require_order_id(command.order_id)
    require(bool(command.customer_id), "customer_missing", "an order needs a customer")
    lines = tuple(cart.lines.values())
    return (
        CartCheckedOut(
            command.cart_id,
            command.order_id,
            command.customer_id,
            command.customer_name,
            command.address,
            lines,
            total(lines),
            command.at,
        ),
    )


def _require_not_too_many(quantity: int) -> None:
    require(quantity <= MAX_QUANTITY, "too_many", f"at most {MAX_QUANTITY} of one item; ask for a quote")


# Decider

carts = Decider("cart", initial=Cart, decide=bounded(decide), evolve=evolve, stream=lambda command: command.cart_id)

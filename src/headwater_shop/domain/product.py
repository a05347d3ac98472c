"""A product: its place in the catalogue, its price, and its stock, some of it reserved for orders.

Always 0 <= reserved <= on hand. A product whose stock was never counted cannot be reserved.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.shared import Moment, require, stream_part

# Events


@event("product.listed")
class ProductListed:
    stock_code: str
    name: str
    category: str
    price: Decimal
    at: Moment
    picture: str = ""
    on_hand: int | None = None


@event("product.repriced")
class ProductRepriced:
    stock_code: str
    price: Decimal
    at: Moment


@event("product.stock_counted")
class StockCounted:
    """The shelf was counted: so much lies there, reserved pieces included."""

    stock_code: str
    on_hand: int
    at: Moment


@event("product.stock_received")
class StockReceived:
    stock_code: str
    quantity: int
    reference: str
    at: Moment


@event("product.stock_reserved")
class StockReserved:
    stock_code: str
    order_id: str
    quantity: int
    at: Moment


@event("product.reservation_refused")
class ReservationRefused:
    """An order did not get what it wanted. `code` is 'not_listed', 'price_changed', 'stock_unknown', 'out_of_stock'."""

    stock_code: str
    order_id: str
    quantity: int
    code: str
    reason: str
    at: Moment


@event("product.reservation_released")
class ReservationReleased:
    stock_code: str
    order_id: str
    quantity: int
    at: Moment


@event("product.stock_shipped")
class StockShipped:
    """Reserved pieces left the house."""

    stock_code: str
    order_id: str
    quantity: int
    at: Moment


ProductEvent = (
    ProductListed
    | ProductRepriced
    | StockCounted
    | StockReceived
    | StockReserved
    | ReservationRefused
    | ReservationReleased
    | StockShipped
)

# State


class Product(msgspec.Struct, frozen=True):
    """What the rules need to know of a product. `on_hand` is None until it was counted."""

    price: Decimal | None = None
    on_hand: int | None = None
    reserved: Mapping[str, int] = {}

    @property
    def listed(self) -> bool:
        return self.price is not None

    @property
    def available(self) -> int:
        return (self.on_hand or 0) - sum(self.reserved.values())


def evolve(product: Product, event: ProductEvent) -> Product:
    match event:
        case ProductListed():
            return replace(product, price=event.price, on_hand=event.on_hand)
        case ProductRepriced():
            return replace(product, price=event.price)
        case StockCounted():
            return replace(product, on_hand=event.on_hand)
        case StockReceived():
            return replace(product, on_hand=(product.on_hand or 0) + event.quantity)
        case StockReserved():
            return replace(product, reserved={**product.reserved, event.order_id: event.quantity})
        case ReservationReleased():
            return replace(product, reserved=_without(product.reserved, event.order_id))
        case StockShipped():
            left = (product.on_hand or 0) - event.quantity
            return replace(product, on_hand=left, reserved=_without(product.reserved, event.order_id))
        case ReservationRefused():
            return product
        case _:
            assert_never(event)


def _without(reserved: Mapping[str, int], order_id: str) -> Mapping[str, int]:
    return {order: quantity for order, quantity in reserved.items() if order != order_id}


# Commands


@command("product.list")
class ListProduct:
    """Put a new product into the catalogue."""

    stock_code: str
    name: str
    category: str
    price: Decimal
    at: Moment
    picture: str = ""
    on_hand: int | None = None


@command("product.ensure_listed")
class EnsureListed:
    """As ListProduct, but content with a product that is listed already."""

    stock_code: str
    name: str
    category: str
    price: Decimal
    at: Moment
    picture: str = ""
    on_hand: int | None = None


@command("product.reprice")
class RepriceProduct:
    stock_code: str
    price: Decimal
    at: Moment


@command("product.count_stock")
class CountStock:
    stock_code: str
    on_hand: int
    at: Moment


@command("product.receive_stock")
class ReceiveStock:
    """Goods came in, from a supplier or back from a customer; `reference` says from where."""

    stock_code: str
    quantity: int
    reference: str
    at: Moment


@command("product.reserve_stock")
class ReserveStock:
    """Keep pieces for an order, at the price that its customer was shown. The answer is an event either way."""

    stock_code: str
    order_id: str
    quantity: int
    unit_price: Decimal
    at: Moment


@command("product.release_stock")
class ReleaseStock:
    """The order does not need its pieces any more."""

    stock_code: str
    order_id: str
    at: Moment


@command("product.ship_stock")
class ShipStock:
    """The order's pieces leave the house."""

    stock_code: str
    order_id: str
    at: Moment


ProductCommand = (
    ListProduct | EnsureListed | RepriceProduct | CountStock | ReceiveStock | ReserveStock | ReleaseStock | ShipStock
)

# Decide


def decide(command: ProductCommand, product: Product) -> Sequence[ProductEvent]:
    match command:
        case ListProduct():
            require(not product.listed, "already_listed", f"{command.stock_code} is listed already")
            return _list(command)
        case EnsureListed():
            return () if product.listed else _list(command)
        case RepriceProduct():
            return _reprice(command, product)
        case CountStock():
            return _count(command, product)
        case ReceiveStock():
            return _receive(command, product)
        case ReserveStock():
            return _reserve(command, product)
        case ReleaseStock():
            return _release(command, product)
        case ShipStock():
            return _ship(command, product)
        case _:
            assert_never(command)


def _list(command: ListProduct | EnsureListed) -> Sequence[ProductEvent]:
    require(bool(command.stock_code and command.name.strip()), "name_missing", "a product needs a code and a name")
    require(command.price > 0, "price_not_positive", "a price is above zero")
    require((command.on_hand or 0) >= 0, "stock_negative", "stock is not below zero")
    return (
        ProductListed(
            command.stock_code,
            command.name,
            command.category,
            command.price,
            command.at,
            command.picture,
            command.on_hand,
        ),
    )


def _reprice(command: RepriceProduct, product: Product) -> Sequence[ProductEvent]:
    _require_listed(product, command.stock_code)
    require(command.price > 0, "price_not_positive", "a price is above zero")
    if command.price == product.price:
        return ()
    return (ProductRepriced(command.stock_code, command.price, command.at),)


def _count(command: CountStock, product: Product) -> Sequence[ProductEvent]:
    _require_listed(product, command.stock_code)
    require(command.on_hand >= 0, "stock_negative", "stock is not below zero")
    reserved = sum(product.reserved.values())
    require(command.on_hand >= reserved, "reserved", f"{reserved} are reserved for orders", reserved=reserved)
    if command.on_hand == product.on_hand:
        return ()
    return (StockCounted(command.stock_code, command.on_hand, command.at),)


def _receive(command: ReceiveStock, product: Product) -> Sequence[ProductEvent]:
    _require_listed(product, command.stock_code)
    require(command.quantity > 0, "quantity_not_positive", "a quantity is above zero")
    return (StockReceived(command.stock_code, command.quantity, command.reference, command.at),)


def _reserve(command: ReserveStock, product: Product) -> Sequence[ProductEvent]:
    require(command.quantity > 0, "quantity_not_positive", "a quantity is above zero")
    if command.order_id in product.reserved:
        return ()
    refusal = _refusal(command, product)
    if refusal is None:
        return (StockReserved(command.stock_code, command.order_id, command.quantity, command.at),)
    code, reason = refusal
    return (ReservationRefused(command.stock_code, command.order_id, command.quantity, code, reason, command.at),)


def _refusal(command: ReserveStock, product: Product) -> tuple[str, str] | None:
    """Why the reservation cannot be had: code and reason."""
    if product.price is None:
        return "not_listed", f"{command.stock_code} is not in the catalogue"
    if command.unit_price != product.price:
        return "price_changed", f"the price of {command.stock_code} is now {product.price}"
    if product.on_hand is None:
        return "stock_unknown", f"the stock of {command.stock_code} was never counted"
    if command.quantity > product.available:
        return "out_of_stock", f"only {product.available} of {command.stock_code} are left"
    return None


def _release(command: ReleaseStock, product: Product) -> Sequence[ProductEvent]:
    quantity = product.reserved.get(command.order_id)
    if quantity is None:
        return ()
    return (ReservationReleased(command.stock_code, command.order_id, quantity, command.at),)


def _ship(command: ShipStock, product: Product) -> Sequence[ProductEvent]:
    quantity = product.reserved.get(command.order_id)
    if quantity is None:
        return ()
    return (StockShipped(command.stock_code, command.order_id, quantity, command.at),)


def _require_listed(product: Product, stock_code: str) -> None:
    require(product.listed, "not_listed", f"{stock_code} is not in the catalogue")


# Decider

products = Decider(
    "product",
    initial=Product,
    decide=bounded(decide),
    evolve=evolve,
    stream=lambda command: stream_part(command.stock_code),
)

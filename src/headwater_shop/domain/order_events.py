"""What happens to an order, and the state that follows from it. The commands and rules are in `order`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import event
from headwater_shop.domain.shared import Address, Line, Moment

# Events


@event("order.placed", version=2)
class OrderPlaced:
    order_id: str
    customer_id: str
    customer_name: str
    address: Address
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


@event("order.line_reserved")
class LineReserved:
    order_id: str
    stock_code: str
    at: Moment


@event("order.payment_due")
class PaymentDue:
    """All stock is reserved (or the customer tries again): now `payment_id` is to be taken."""

    order_id: str
    payment_id: str
    amount: Decimal
    attempt: int
    at: Moment


@event("order.payment_failed")
class PaymentFailed:
    order_id: str
    payment_id: str
    reason: str
    at: Moment


@event("order.paid", version=2)
class OrderPaid:
    """From here on the order counts as a sale; the event carries all that a sales report needs."""

    order_id: str
    payment_id: str
    customer_id: str
    country: str
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


@event("order.dispatched")
class OrderDispatched:
    order_id: str
    lines: tuple[Line, ...]
    at: Moment


@event("order.cancelled")
class OrderCancelled:
    """`code` is 'customer', 'payment_overdue' or what the stock-keeper said ('out_of_stock', 'price_changed', …)."""

    order_id: str
    lines: tuple[Line, ...]
    code: str
    reason: str
    at: Moment


@event("order.returned")
class OrderReturned:
    """Goods came back: `lines` and `total` are positive, what the customer gets back."""

    order_id: str
    customer_id: str
    country: str
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


@event("order.refund_due")
class RefundDue:
    order_id: str
    payment_id: str
    refund_id: str
    amount: Decimal
    at: Moment


OrderEvent = (
    OrderPlaced
    | LineReserved
    | PaymentDue
    | PaymentFailed
    | OrderPaid
    | OrderDispatched
    | OrderCancelled
    | OrderReturned
    | RefundDue
)

# State


class Status(Enum):
    """Where an order stands."""

    UNKNOWN = "unknown"
    PLACED = "placed"
    PAYMENT_DUE = "payment_due"
    PAYMENT_FAILED = "payment_failed"
    PAID = "paid"
    DISPATCHED = "dispatched"
    CANCELLED = "cancelled"


class Order(msgspec.Struct, frozen=True):
    """What the rules need to know of an order."""

    status: Status = Status.UNKNOWN
    placed: OrderPlaced | None = None
    reserved: frozenset[str] = frozenset()
    attempt: int = 0
    payment_id: str = ""
    refunded: frozenset[str] = frozenset()
    returned: Mapping[str, int] = {}
    returns: int = 0


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderPlaced():
            return replace(order, status=Status.PLACED, placed=event)
        case LineReserved():
            return replace(order, reserved=order.reserved | {event.stock_code})
        case PaymentDue():
            return replace(order, status=Status.PAYMENT_DUE, attempt=event.attempt, payment_id=event.payment_id)
        case PaymentFailed():
            return replace(order, status=Status.PAYMENT_FAILED)
        case OrderPaid():
            return replace(order, status=Status.PAID, payment_id=event.payment_id)
        case OrderDispatched():
            return replace(order, status=Status.DISPATCHED)
        case OrderCancelled():
            return replace(order, status=Status.CANCELLED)
        case OrderReturned():
            return replace(order, returned=_returned(order, event.lines), returns=order.returns + 1)
        case RefundDue():
            return replace(order, refunded=order.refunded | {event.refund_id})
        case _:
            assert_never(event)


def _returned(order: Order, lines: Sequence[Line]) -> Mapping[str, int]:
    back = {line.stock_code: order.returned.get(line.stock_code, 0) + line.quantity for line in lines}
    return {**order.returned, **back}

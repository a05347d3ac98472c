"""An order: placed, its stock reserved line by line, paid, dispatched; or cancelled on the way; later perhaps returned.

    placed -> (every line reserved) payment_due -> paid -> dispatched -> returned
        \\-> cancelled      payment_failed <-/ (may be tried again)
Money that arrives for an order which does not await it any more is due back to the customer at once.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

from headwater import Decider, command
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.order_events import (
    LineReserved,
    Order,
    OrderCancelled,
    OrderDispatched,
    OrderEvent,
    OrderPaid,
    OrderPlaced,
    OrderReturned,
    PaymentDue,
    PaymentFailed,
    RefundDue,
    Status,
    evolve,
)
from headwater_shop.domain.shared import Address, Line, Moment, require, require_order_id, total

PAYMENT_DEADLINE: Final = timedelta(minutes=15)
"""An order that is not paid by then, from when it was placed, is cancelled, which frees its stock."""

# Commands


@command("order.place")
class PlaceOrder:
    order_id: str
    customer_id: str
    customer_name: str
    address: Address
    lines: tuple[Line, ...]
    at: Moment


@command("order.confirm_line")
class ConfirmLine:
    """The stock-keeper has reserved this line."""

    order_id: str
    stock_code: str
    at: Moment


@command("order.refuse_line")
class RefuseLine:
    """The stock-keeper cannot reserve this line, so the order cannot be."""

    order_id: str
    stock_code: str
    code: str
    reason: str
    at: Moment


@command("order.record_payment")
class RecordPayment:
    order_id: str
    payment_id: str
    amount: Decimal
    at: Moment


@command("order.record_payment_failure")
class RecordPaymentFailure:
    order_id: str
    payment_id: str
    reason: str
    at: Moment


@command("order.retry_payment")
class RetryPayment:
    """The customer tries to pay once more after a failure."""

    order_id: str
    at: Moment


@command("order.dispatch")
class DispatchOrder:
    order_id: str
    at: Moment


@command("order.cancel")
class CancelOrder:
    """The customer's wish; too late once the order is paid."""

    order_id: str
    reason: str
    at: Moment


@command("order.expire")
class ExpireOrder:
    """The time to pay is over. Changes nothing when the order is paid or cancelled."""

    order_id: str
    at: Moment


class ReturnedItem(msgspec.Struct, frozen=True, gc=False):
    stock_code: str
    quantity: int


@command("order.return_goods")
class ReturnGoods:
    order_id: str
    items: tuple[ReturnedItem, ...]
    at: Moment


OrderCommand = (
    PlaceOrder
    | ConfirmLine
    | RefuseLine
    | RecordPayment
    | RecordPaymentFailure
    | RetryPayment
    | DispatchOrder
    | CancelOrder
    | ExpireOrder
    | ReturnGoods
)

# Decide

CUSTOMERS_WISH: Final = "cancelled by the customer"
"""The reason of a cancellation that the customer asked for."""

UNPAID: Final = (Status.PLACED, Status.PAYMENT_DUE, Status.PAYMENT_FAILED)


def decide(command: OrderCommand, order: Order) -> Sequence[OrderEvent]:
    if isinstance(command, PlaceOrder):
        return _place(command, order)
    placed = order.placed
    require(placed is not None, "not_placed", f"there is no order {command.order_id}")
    assert placed is not None
    match command:
        case ConfirmLine():
            return _confirm(command, order, placed)
        case RefuseLine():
            return _cancelled(placed, command.code, command.reason, command.at) if order.status in UNPAID else ()
        case RecordPayment():
            return _record_payment(command, order, placed)
        case RecordPaymentFailure():
            return _record_failure(command, order)
        case RetryPayment():
            return _retry(command, order, placed)
        case DispatchOrder():
            return _dispatch(command, order, placed)
        case CancelOrder():
            return _cancel(command, order, placed)
        case ExpireOrder():
            reason = "the payment did not arrive in time"
            return _cancelled(placed, "payment_overdue", reason, command.at) if order.status in UNPAID else ()
        case ReturnGoods():
            return _return_goods(command, order, placed)
        case _:
            assert_never(command)


def _place(command: PlaceOrder, order: Order) -> Sequence[OrderEvent]:
    require(order.placed is None, "already_placed", f"order {command.order_id} is placed already")
    require_order_id(command.order_id)
    require(bool(command.customer_id), "customer_missing", "an order needs a customer")
    require(bool(command.lines), "order_empty", "an order needs at least one line")
    codes = [line.stock_code for line in command.lines]
    require(len(set(codes)) == len(codes), "line_repeated", "a product stands in two lines; join them")
    for line in command.lines:
        require(line.quantity > 0, "quantity_not_positive", "a quantity is above zero", stock_code=line.stock_code)
        require(line.unit_price > 0, "price_not_positive", "a price is above zero", stock_code=line.stock_code)
    return (
        OrderPlaced(
            command.order_id,
            command.customer_id,
            command.customer_name,
            command.address,
            command.lines,
            total(command.lines),
            command.at,
        ),
    )


def _confirm(command: ConfirmLine, order: Order, placed: OrderPlaced) -> Sequence[OrderEvent]:
    wanted = {line.stock_code for line in placed.lines}
    require(command.stock_code in wanted, "not_in_order", f"{command.stock_code} is not in the order")
    if order.status is not Status.PLACED or command.stock_code in order.reserved:
        return ()
    reserved = LineReserved(command.order_id, command.stock_code, command.at)
    if wanted - order.reserved - {command.stock_code}:
        return (reserved,)
    return reserved, _payment_due(placed, 1, command.at)


def _payment_due(placed: OrderPlaced, attempt: int, at: Moment) -> PaymentDue:
    return PaymentDue(placed.order_id, f"{placed.order_id}-{attempt}", placed.total, attempt, at)


def _record_payment(command: RecordPayment, order: Order, placed: OrderPlaced) -> Sequence[OrderEvent]:
    expected = order.status in (Status.PAYMENT_DUE, Status.PAYMENT_FAILED) and command.amount == placed.total
    if expected:
        return (
            OrderPaid(
                command.order_id,
                command.payment_id,
                placed.customer_id,
                placed.address.country,
                placed.lines,
                placed.total,
                command.at,
            ),
        )
    counted = order.status in (Status.PAID, Status.DISPATCHED) and command.payment_id == order.payment_id
    refund_id = f"{command.payment_id}-back"
    if counted or refund_id in order.refunded:
        return ()
    return (RefundDue(command.order_id, command.payment_id, refund_id, command.amount, command.at),)


def _record_failure(command: RecordPaymentFailure, order: Order) -> Sequence[OrderEvent]:
    if order.status is not Status.PAYMENT_DUE or command.payment_id != order.payment_id:
        return ()
    return (PaymentFailed(command.order_id, command.payment_id, command.reason, command.at),)


def _retry(command: RetryPayment, order: Order, placed: OrderPlaced) -> Sequence[OrderEvent]:
    require(order.status is Status.PAYMENT_FAILED, "no_failed_payment", "there is no failed payment to try again")
    return (_payment_due(placed, order.attempt + 1, command.at),)


def _dispatch(command: DispatchOrder, order: Order, placed: OrderPlaced) -> Sequence[OrderEvent]:
    if order.status is Status.DISPATCHED:
        return ()
    require(order.status is Status.PAID, "not_paid", f"the order is {order.status.value}, not paid")
    return (OrderDispatched(command.order_id, placed.lines, command.at),)


def _cancel(command: CancelOrder, order: Order, placed: OrderPlaced) -> Sequence[OrderEvent]:
    if order.status is Status.CANCELLED:
        return ()
    require(order.status in UNPAID, "already_paid", "the order is paid; send the goods back instead")
    return _cancelled(placed, "customer", command.reason, command.at)


def _cancelled(placed: OrderPlaced, code: str, reason: str, at: Moment) -> Sequence[OrderEvent]:
    return (OrderCancelled(placed.order_id, placed.lines, code, reason, at),)


def _return_goods(command: ReturnGoods, order: Order, placed: OrderPlaced) -> Sequence[OrderEvent]:
    require(order.status is Status.DISPATCHED, "not_dispatched", f"the order is {order.status.value}, not dispatched")
    require(bool(command.items), "return_empty", "a return needs at least one item")
    codes = [item.stock_code for item in command.items]
    require(len(set(codes)) == len(codes), "line_repeated", "a product stands in two items; join them")
    lines = tuple(_back(item, order, placed) for item in command.items)
    amount = total(lines)
    refund_id = f"{order.payment_id}-return-{order.returns + 1}"
    return (
        OrderReturned(command.order_id, placed.customer_id, placed.address.country, lines, amount, command.at),
        RefundDue(command.order_id, order.payment_id, refund_id, amount, command.at),
    )


def _back(item: ReturnedItem, order: Order, placed: OrderPlaced) -> Line:
    """The line that comes back, at the price paid."""
    bought = {line.stock_code: line for line in placed.lines}.get(item.stock_code)
    left = (bought.quantity if bought else 0) - order.returned.get(item.stock_code, 0)
    require(
        bought is not None and 0 < item.quantity <= left,
        "not_returnable",
        f"{left} of {item.stock_code} can be returned",
        stock_code=item.stock_code,
        returnable=left,
    )
    assert bought is not None
    return replace(bought, quantity=item.quantity)


# Decider

orders = Decider("order", initial=Order, decide=bounded(decide), evolve=evolve, stream=lambda command: command.order_id)

"""What follows from what: how carts become orders, and orders become reserved, paid, dispatched or cancelled.

Reactions of one aggregate to another's events; each passes on the event's time, so that nothing reads a clock.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from headwater import Schedule, Unschedule
from headwater_shop.domain import cart, order, order_events, payment, product
from headwater_shop.domain.shared import Line
from headwater_shop.event_driven.gateway import PaymentGateway
from headwater_shop.event_driven.interfaces import Interface

Commands = Iterable[object]


def place_order(event: cart.CartCheckedOut) -> Commands:
    """A cart that was checked out is an order."""
    return [
        order.PlaceOrder(event.order_id, event.customer_id, event.customer_name, event.address, event.lines, event.at)
    ]


def keep_stock(
    event: order_events.OrderPlaced
    | order_events.OrderCancelled
    | order_events.OrderDispatched
    | order_events.OrderReturned,
) -> Commands:
    """The stock-keeper's part. One reaction for all of an order's life, so that it sees its events in their order."""
    match event:
        case order_events.OrderPlaced():
            return [_reserve(event, line) for line in event.lines]
        case order_events.OrderCancelled():
            return [product.ReleaseStock(line.stock_code, event.order_id, event.at) for line in event.lines]
        case order_events.OrderDispatched():
            return [product.ShipStock(line.stock_code, event.order_id, event.at) for line in event.lines]
        case order_events.OrderReturned():
            back = f"return of order {event.order_id}"
            return [product.ReceiveStock(line.stock_code, line.quantity, back, event.at) for line in event.lines]


def _reserve(event: order_events.OrderPlaced, line: Line) -> product.ReserveStock:
    return product.ReserveStock(line.stock_code, event.order_id, line.quantity, line.unit_price, event.at)


def answer_order(event: product.StockReserved | product.ReservationRefused) -> Commands:
    """The order learns what the stock-keeper said."""
    if isinstance(event, product.StockReserved):
        return [order.ConfirmLine(event.order_id, event.stock_code, event.at)]
    return [order.RefuseLine(event.order_id, event.stock_code, event.code, event.reason, event.at)]


def request_payment(event: order_events.PaymentDue) -> Commands:
    """An order whose stock is reserved is to be paid."""
    return [payment.RequestPayment(event.payment_id, event.order_id, event.amount, event.at)]


def request_payment_of(form: Interface) -> Callable[[Any], Commands]:
    """The same for whoever knows that event by another form."""

    def do(event: Any) -> Commands:
        return [payment.RequestPayment(event.payment_id, event.order_id, form.amount(event), event.at)]

    do.__annotations__["event"] = form.reads
    return do


def settle_order(event: payment.PaymentReceived | payment.PaymentDeclined) -> Commands:
    """The order learns what became of its payment."""
    if isinstance(event, payment.PaymentReceived):
        return [order.RecordPayment(event.order_id, event.payment_id, event.amount, event.at)]
    return [order.RecordPaymentFailure(event.order_id, event.payment_id, event.reason, event.at)]


def take_money(
    gateway: PaymentGateway,
) -> Callable[[payment.PaymentRequested], Awaitable[Sequence[payment.PaymentCommand]]]:
    """Asks the gateway, as often as it needs to answer; it is idempotent by the payment's id."""

    async def do(event: payment.PaymentRequested) -> Sequence[payment.PaymentCommand]:
        receipt = await gateway.charge(event.payment_id, event.amount)
        if receipt.accepted:
            return [payment.RecordReceipt(event.payment_id, receipt.reference, receipt.at)]
        return [payment.RecordDecline(event.payment_id, receipt.reason, receipt.at)]

    return do


def give_back(
    gateway: PaymentGateway,
) -> Callable[[order_events.RefundDue], Awaitable[Sequence[payment.PaymentCommand]]]:
    """Gives money back: of returned goods, or of orders that did not wait for it any more."""

    async def do(event: order_events.RefundDue) -> Sequence[payment.PaymentCommand]:
        receipt = await gateway.refund(event.refund_id, event.payment_id, event.amount)
        return [payment.RecordRefund(event.payment_id, event.refund_id, event.amount, receipt.reference, receipt.at)]

    return do


def watch_deadline(
    deadline: timedelta,
) -> Callable[[order_events.OrderPlaced | order_events.OrderPaid | order_events.OrderCancelled], Commands]:
    """An order that is not paid in time is cancelled, which frees its stock."""

    def do(event: order_events.OrderPlaced | order_events.OrderPaid | order_events.OrderCancelled) -> Commands:
        key = f"payment-deadline-{event.order_id}"
        if isinstance(event, order_events.OrderPlaced):
            return [Schedule(key, order.ExpireOrder(event.order_id, event.at + deadline), after=deadline)]
        return [Unschedule(key)]

    return do


def dispatch(packing: timedelta) -> Callable[[order_events.OrderPaid], Commands]:
    """A paid order leaves the house once it is packed."""

    def do(event: order_events.OrderPaid) -> Commands:
        command = order.DispatchOrder(event.order_id, event.at + packing)
        return [Schedule(f"packing-{event.order_id}", command, after=packing) if packing else command]

    return do

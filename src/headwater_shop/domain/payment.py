"""A payment: one attempt to take an order's money, and what was paid back of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.shared import Moment, require

# Events


@event("payment.requested")
class PaymentRequested:
    payment_id: str
    order_id: str
    amount: Decimal
    at: Moment


@event("payment.received")
class PaymentReceived:
    payment_id: str
    order_id: str
    amount: Decimal
    reference: str
    at: Moment


@event("payment.declined")
class PaymentDeclined:
    payment_id: str
    order_id: str
    reason: str
    at: Moment


@event("payment.refunded")
class PaymentRefunded:
    payment_id: str
    order_id: str
    refund_id: str
    amount: Decimal
    reference: str
    at: Moment


PaymentEvent = PaymentRequested | PaymentReceived | PaymentDeclined | PaymentRefunded

# State


class Payment(msgspec.Struct, frozen=True):
    """What the rules need to know of a payment."""

    requested: PaymentRequested | None = None
    received: bool = False
    declined: bool = False
    refunds: frozenset[str] = frozenset()


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    match event:
        case PaymentRequested():
            return replace(payment, requested=event)
        case PaymentReceived():
            return replace(payment, received=True)
        case PaymentDeclined():
            return replace(payment, declined=True)
        case PaymentRefunded():
            return replace(payment, refunds=payment.refunds | {event.refund_id})
        case _:
            assert_never(event)


# Commands


@command("payment.request")
class RequestPayment:
    payment_id: str
    order_id: str
    amount: Decimal
    at: Moment


@command("payment.record_receipt")
class RecordReceipt:
    """The gateway took the money."""

    payment_id: str
    reference: str
    at: Moment


@command("payment.record_decline")
class RecordDecline:
    """The gateway took nothing, and never will for this payment."""

    payment_id: str
    reason: str
    at: Moment


@command("payment.record_refund")
class RecordRefund:
    """The gateway gave money back."""

    payment_id: str
    refund_id: str
    amount: Decimal
    reference: str
    at: Moment


PaymentCommand = RequestPayment | RecordReceipt | RecordDecline | RecordRefund

# Decide


def decide(command: PaymentCommand, payment: Payment) -> Sequence[PaymentEvent]:
    if isinstance(command, RequestPayment):
        return _request(command, payment)
    requested = payment.requested
    require(requested is not None, "not_requested", f"there is no payment {command.payment_id}")
    assert requested is not None
    match command:
        case RecordReceipt():
            require(not payment.declined, "declined", "this payment was declined")
            if payment.received:
                return ()
            received = PaymentReceived(
                command.payment_id, requested.order_id, requested.amount, command.reference, command.at
            )
            return (received,)
        case RecordDecline():
            require(not payment.received, "received", "this payment was received")
            if payment.declined:
                return ()
            return (PaymentDeclined(command.payment_id, requested.order_id, command.reason, command.at),)
        case RecordRefund():
            return _refund(command, payment, requested)
        case _:
            assert_never(command)


def _request(command: RequestPayment, payment: Payment) -> Sequence[PaymentEvent]:
    require(command.amount > 0, "amount_not_positive", "an amount is above zero")
    requested = PaymentRequested(command.payment_id, command.order_id, command.amount, command.at)
    before = payment.requested
    if before is None:
        return (requested,)
    same = (before.order_id, before.amount) == (command.order_id, command.amount)
    require(same, "payment_id_reused", f"payment {command.payment_id} is for something else")
    return ()


def _refund(command: RecordRefund, payment: Payment, requested: PaymentRequested) -> Sequence[PaymentEvent]:
    require(payment.received, "not_received", "what was not received cannot be refunded")
    if command.refund_id in payment.refunds:
        return ()
    return (
        PaymentRefunded(
            command.payment_id,
            requested.order_id,
            command.refund_id,
            command.amount,
            command.reference,
            command.at,
        ),
    )


# Decider

payments = Decider(
    "payment", initial=Payment, decide=bounded(decide), evolve=evolve, stream=lambda command: command.payment_id
)

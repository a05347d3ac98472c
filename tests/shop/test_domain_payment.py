"""Payments: requested, then received or declined, never both; refunds once each."""

from datetime import UTC, datetime
from decimal import Decimal

from headwater.testing.specification import spec
from headwater_shop.domain.payment import (
    PaymentDeclined,
    PaymentReceived,
    PaymentRefunded,
    PaymentRequested,
    RecordDecline,
    RecordReceipt,
    RecordRefund,
    RequestPayment,
    payments,
)

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
REQUEST = RequestPayment("p1", "o1", Decimal(5), AT)
REQUESTED = PaymentRequested("p1", "o1", Decimal(5), AT)
RECEIVED = PaymentReceived("p1", "o1", Decimal(5), "ref", AT)
DECLINED = PaymentDeclined("p1", "o1", "no money", AT)
RECEIPT = RecordReceipt("p1", "ref", AT)
DECLINE = RecordDecline("p1", "no money", AT)
REFUND = RecordRefund("p1", "r1", Decimal(2), "back", AT)
REFUNDED = PaymentRefunded("p1", "o1", "r1", Decimal(2), "back", AT)


def test_a_payment_is_requested_once() -> None:
    spec(payments).when(REQUEST).then(REQUESTED)
    spec(payments).given(REQUESTED).when(REQUEST).then_nothing()
    other = RequestPayment("p1", "o1", Decimal(6), AT)
    spec(payments).given(REQUESTED).when(other).then_rejected("payment_id_reused")
    spec(payments).when(RequestPayment("p1", "o1", Decimal(0), AT)).then_rejected("amount_not_positive")


def test_it_is_received_or_declined_never_both() -> None:
    spec(payments).given(REQUESTED).when(RECEIPT).then(RECEIVED)
    spec(payments).given(REQUESTED, RECEIVED).when(RECEIPT).then_nothing()
    spec(payments).given(REQUESTED, RECEIVED).when(DECLINE).then_rejected("received")
    spec(payments).given(REQUESTED).when(DECLINE).then(DECLINED)
    spec(payments).given(REQUESTED, DECLINED).when(DECLINE).then_nothing()
    spec(payments).given(REQUESTED, DECLINED).when(RECEIPT).then_rejected("declined")


def test_what_was_received_is_refunded_once() -> None:
    spec(payments).given(REQUESTED, RECEIVED).when(REFUND).then(REFUNDED)
    spec(payments).given(REQUESTED, RECEIVED, REFUNDED).when(REFUND).then_nothing()
    spec(payments).given(REQUESTED).when(REFUND).then_rejected("not_received")


def test_nothing_comes_of_a_payment_nobody_requested() -> None:
    for command in (RECEIPT, DECLINE, REFUND):
        spec(payments).when(command).then_rejected("not_requested")

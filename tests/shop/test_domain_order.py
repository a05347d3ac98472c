"""Orders and payments: from placed to dispatched, and every way it can end otherwise."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from headwater.testing.specification import spec
from headwater_shop.domain.order import (
    CancelOrder,
    ConfirmLine,
    DispatchOrder,
    ExpireOrder,
    OrderCommand,
    PlaceOrder,
    RecordPayment,
    RecordPaymentFailure,
    RefuseLine,
    RetryPayment,
    ReturnedItem,
    ReturnGoods,
    orders,
)
from headwater_shop.domain.order_events import (
    LineReserved,
    OrderCancelled,
    OrderDispatched,
    OrderPaid,
    OrderPlaced,
    OrderReturned,
    PaymentDue,
    PaymentFailed,
    RefundDue,
)
from headwater_shop.domain.shared import Address, Line

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
HOME = Address("1 High Street", "York", "YO1", "United Kingdom")
MUGS, CAKE = Line("m1", "Mug", 2, Decimal("2.55")), Line("k1", "Cake", 1, Decimal("0.10"))
LINES, TOTAL = (MUGS, CAKE), Decimal("5.20")
PLACED = OrderPlaced("o1", "ada", "Ada", HOME, LINES, TOTAL, AT)
RESERVED = (LineReserved("o1", "m1", AT), LineReserved("o1", "k1", AT))
DUE = PaymentDue("o1", "o1-1", TOTAL, 1, AT)
FAILED = PaymentFailed("o1", "o1-1", "no money", AT)
PAID = OrderPaid("o1", "o1-1", "ada", "United Kingdom", LINES, TOTAL, AT)
DISPATCHED = OrderDispatched("o1", LINES, AT)
AWAITING = (PLACED, *RESERVED, DUE)


def place(*lines: Line, order_id: str = "o1", customer: str = "ada") -> PlaceOrder:
    return PlaceOrder(order_id, customer, "Ada", HOME, lines, AT)


def cancelled(code: str, reason: str) -> OrderCancelled:
    return OrderCancelled("o1", LINES, code, reason, AT)


def payment(id: str = "o1-1", amount: Decimal = TOTAL) -> RecordPayment:
    return RecordPayment("o1", id, amount, AT)


def test_an_order_is_placed_once_with_lines_that_make_sense() -> None:
    spec(orders).when(place(*LINES)).then(PLACED)
    spec(orders).given(PLACED).when(place(*LINES)).then_rejected("already_placed")
    spec(orders).when(place()).then_rejected("order_empty")
    spec(orders).when(place(MUGS, MUGS)).then_rejected("line_repeated")
    spec(orders).when(place(MUGS, customer="")).then_rejected("customer_missing")
    spec(orders).when(place(Line("m1", "Mug", 0, Decimal(1)))).then_rejected("quantity_not_positive")
    spec(orders).when(place(Line("m1", "Mug", 1, Decimal(0)))).then_rejected("price_not_positive")


@pytest.mark.parametrize("order_id", ["536365", "C536365", "", "o 1", "o" * 101])
def test_a_live_order_never_looks_like_an_imported_invoice(order_id: str) -> None:
    spec(orders).when(place(MUGS, order_id=order_id)).then_rejected("order_id_malformed")


def test_payment_is_due_when_the_last_line_is_reserved() -> None:
    first, second = RESERVED
    spec(orders).given(PLACED).when(ConfirmLine("o1", "m1", AT)).then(first)
    spec(orders).given(PLACED, first).when(ConfirmLine("o1", "m1", AT)).then_nothing()
    spec(orders).given(PLACED, first).when(ConfirmLine("o1", "k1", AT)).then(second, DUE)
    spec(orders).given(PLACED).when(ConfirmLine("o1", "x", AT)).then_rejected("not_in_order")


def test_a_line_that_cannot_be_had_cancels_the_order() -> None:
    refuse = RefuseLine("o1", "m1", "out_of_stock", "only 1 left", AT)
    gone = cancelled("out_of_stock", "only 1 left")
    spec(orders).given(PLACED).when(refuse).then(gone)
    spec(orders).given(PLACED, gone).when(refuse).then_nothing()
    spec(orders).given(PLACED, gone).when(ConfirmLine("o1", "m1", AT)).then_nothing()


def test_the_payment_makes_it_a_sale_once() -> None:
    spec(orders).given(*AWAITING).when(payment()).then(PAID)
    spec(orders).given(*AWAITING, PAID).when(payment()).then_nothing()
    spec(orders).given(*AWAITING, PAID, DISPATCHED).when(payment()).then_nothing()


def test_money_that_is_not_awaited_goes_back_once() -> None:
    back = RefundDue("o1", "o1-1", "o1-1-back", TOTAL, AT)
    gone = cancelled("payment_overdue", "late")
    spec(orders).given(*AWAITING, gone).when(payment()).then(back)
    spec(orders).given(*AWAITING, gone, back).when(payment()).then_nothing()
    second = RefundDue("o1", "o1-2", "o1-2-back", TOTAL, AT)
    spec(orders).given(*AWAITING, PAID).when(payment("o1-2")).then(second)
    wrong = RefundDue("o1", "o1-1", "o1-1-back", Decimal(1), AT)
    spec(orders).given(*AWAITING).when(payment(amount=Decimal(1))).then(wrong)


def test_a_failed_payment_may_be_tried_again() -> None:
    failure = RecordPaymentFailure("o1", "o1-1", "no money", AT)
    again = PaymentDue("o1", "o1-2", TOTAL, 2, AT)
    spec(orders).given(*AWAITING).when(failure).then(FAILED)
    spec(orders).given(*AWAITING, FAILED).when(failure).then_nothing()
    spec(orders).given(*AWAITING, FAILED).when(RetryPayment("o1", AT)).then(again)
    spec(orders).given(*AWAITING, FAILED, again).when(failure).then_nothing()
    spec(orders).given(*AWAITING).when(RetryPayment("o1", AT)).then_rejected("no_failed_payment")


def test_only_what_is_paid_is_dispatched() -> None:
    dispatch = DispatchOrder("o1", AT)
    spec(orders).given(*AWAITING, PAID).when(dispatch).then(DISPATCHED)
    spec(orders).given(*AWAITING, PAID, DISPATCHED).when(dispatch).then_nothing()
    spec(orders).given(*AWAITING).when(dispatch).then_rejected("not_paid")


def test_a_customer_cancels_until_it_is_paid() -> None:
    cancel = CancelOrder("o1", "changed my mind", AT)
    gone = cancelled("customer", "changed my mind")
    spec(orders).given(PLACED).when(cancel).then(gone)
    spec(orders).given(*AWAITING, FAILED).when(cancel).then(gone)
    spec(orders).given(PLACED, gone).when(cancel).then_nothing()
    spec(orders).given(*AWAITING, PAID).when(cancel).then_rejected("already_paid")


def test_the_deadline_ends_what_is_not_paid() -> None:
    expire = ExpireOrder("o1", AT)
    late = cancelled("payment_overdue", "the payment did not arrive in time")
    for unpaid in ((PLACED,), AWAITING, (*AWAITING, FAILED)):
        spec(orders).given(*unpaid).when(expire).then(late)
    for ended in ((*AWAITING, PAID), (PLACED, late), (*AWAITING, PAID, DISPATCHED)):
        spec(orders).given(*ended).when(expire).then_nothing()


def send_back(*items: ReturnedItem) -> ReturnGoods:
    return ReturnGoods("o1", items, AT)


def returned(quantity: int, number: int) -> tuple[OrderReturned, RefundDue]:
    line = Line("m1", "Mug", quantity, Decimal("2.55"))
    amount = line.amount
    return (
        OrderReturned("o1", "ada", "United Kingdom", (line,), amount, AT),
        RefundDue("o1", "o1-1", f"o1-1-return-{number}", amount, AT),
    )


def test_dispatched_goods_come_back_as_far_as_they_were_bought() -> None:
    got = spec(orders).given(*AWAITING, PAID, DISPATCHED)
    got.when(send_back(ReturnedItem("m1", 1))).then(*returned(1, 1))
    got.given(*returned(1, 1)).when(send_back(ReturnedItem("m1", 1))).then(*returned(1, 2))
    got.given(*returned(1, 1)).when(send_back(ReturnedItem("m1", 2))).then_rejected("not_returnable")
    got.when(send_back(ReturnedItem("x", 1))).then_rejected("not_returnable")
    got.when(send_back(ReturnedItem("m1", 0))).then_rejected("not_returnable")
    got.when(send_back()).then_rejected("return_empty")
    got.when(send_back(ReturnedItem("m1", 1), ReturnedItem("m1", 1))).then_rejected("line_repeated")
    spec(orders).given(*AWAITING, PAID).when(send_back(ReturnedItem("m1", 1))).then_rejected("not_dispatched")


@pytest.mark.parametrize(
    "command",
    [
        ConfirmLine("o1", "m1", AT),
        RefuseLine("o1", "m1", "c", "r", AT),
        payment(),
        RecordPaymentFailure("o1", "p", "r", AT),
        RetryPayment("o1", AT),
        DispatchOrder("o1", AT),
        CancelOrder("o1", "r", AT),
        ExpireOrder("o1", AT),
        send_back(ReturnedItem("m1", 1)),
    ],
)
def test_nothing_happens_to_an_order_that_was_never_placed(command: OrderCommand) -> None:
    spec(orders).when(command).then_rejected("not_placed")

"""Orders with status and lines, live and historical; a customer's orders by the index on customer_id."""

from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

import msgspec
from msgspec.structs import replace

from headwater import View
from headwater_shop.domain import money, order_events
from headwater_shop.domain.invoice import OrderImported, ReturnImported
from headwater_shop.domain.notification import NotificationSent, Occasion
from headwater_shop.domain.shared import Address, Line

OrderStatus = Literal[
    "placed", "payment_due", "payment_failed", "paid", "dispatched", "cancelled", "returned", "imported"
]


class Notice(msgspec.Struct, frozen=True):
    """A letter that the customer got."""

    occasion: Occasion
    at: datetime


class OrderSummary(msgspec.Struct, frozen=True):
    """A live order, or a historical one (`origin` is import), or a historical return (`kind` is return).

    `returned` is what went back to the customer, `reason` why an order failed or was cancelled; `updated_at` is the
    time of the last change to the order itself, `notices` what its customer was written.
    """

    order_id: str
    customer_id: str = ""
    customer_name: str = ""
    country: str = ""
    kind: Literal["order", "return"] = "order"
    origin: Literal["shop", "import"] = "shop"
    status: OrderStatus = "placed"
    reason: str = ""
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    dispatched_at: datetime | None = None
    updated_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    total: Decimal = money.ZERO
    returned: Decimal = money.ZERO
    address: Address = Address()
    notices: tuple[Notice, ...] = ()


SummaryEvent = (
    order_events.OrderPlaced
    | order_events.PaymentDue
    | order_events.PaymentFailed
    | order_events.OrderPaid
    | order_events.OrderDispatched
    | order_events.OrderCancelled
    | order_events.OrderReturned
    | NotificationSent
    | OrderImported
    | ReturnImported
)


def _summary_key(event: SummaryEvent) -> str:
    return event.invoice_no if isinstance(event, ReturnImported) else event.order_id


def _evolve_summary(row: OrderSummary, event: SummaryEvent) -> OrderSummary | None:
    match event:
        case OrderImported():
            return _historical(row, event, "order")
        case ReturnImported():
            return _historical(row, event, "return")
        case order_events.OrderPlaced():
            return _placed(row, event)
        case order_events.PaymentDue():
            return replace(row, status="payment_due", reason="", updated_at=event.at)
        case order_events.PaymentFailed():
            return replace(row, status="payment_failed", reason=event.reason, updated_at=event.at)
        case order_events.OrderPaid():
            return replace(row, status="paid", reason="", paid_at=event.at, updated_at=event.at)
        case order_events.OrderDispatched():
            return replace(row, status="dispatched", dispatched_at=event.at, updated_at=event.at)
        case order_events.OrderCancelled():
            return replace(row, status="cancelled", reason=event.reason, updated_at=event.at)
        case order_events.OrderReturned():
            back = money.add(row.returned, event.total)
            return replace(row, status="returned", returned=back, updated_at=event.at)
        case NotificationSent():
            noticed = replace(row, notices=(*row.notices, Notice(event.occasion, event.at)))
            return noticed if row.placed_at else None  # a letter makes no order
        case _:
            assert_never(event)


def _placed(row: OrderSummary, event: order_events.OrderPlaced) -> OrderSummary:
    return replace(
        row,
        customer_id=event.customer_id,
        customer_name=event.customer_name,
        country=event.address.country,
        placed_at=event.at,
        updated_at=event.at,
        lines=event.lines,
        total=event.total,
        address=event.address,
    )


def _historical(
    row: OrderSummary, event: OrderImported | ReturnImported, kind: Literal["order", "return"]
) -> OrderSummary:
    """One more section of a historical invoice; its first customer and country in the order of time hold."""
    first = row.placed_at is None or event.at < row.placed_at
    return replace(
        row,
        customer_id=event.customer_id if first else row.customer_id,
        country=event.country if first else row.country,
        kind=kind,
        origin="import",
        status="imported",
        placed_at=event.at if first else row.placed_at,
        updated_at=event.at if row.updated_at is None else max(event.at, row.updated_at),
        lines=(*row.lines, *event.lines),
        total=money.add(row.total, event.total),
    )


order_summary = View(
    "order_summary",
    key=_summary_key,
    initial=OrderSummary,
    evolve=_evolve_summary,
    version=2,
    index=("customer_id", "status", "placed_at"),
)

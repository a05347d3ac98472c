"""An order's way as steps that people understand."""

from datetime import datetime
from typing import Final, NamedTuple

from headwater_shop.domain.notification import Occasion
from headwater_shop.domain.order import CUSTOMERS_WISH
from headwater_shop.web.backend import Order, Standing

NAMES: Final[dict[Standing, str]] = {
    "placed": "Placed",
    "payment_due": "Payment under way",
    "payment_failed": "Payment declined",
    "paid": "Paid",
    "dispatched": "Dispatched",
    "cancelled": "Cancelled",
    "returned": "Returned",
    "imported": "Completed",
}

LETTER_ABOUT: Final[dict[Occasion, str]] = {
    "paid": "that it is paid",
    "dispatched": "that it is on its way",
    "cancelled": "that it was cancelled",
}

_HEADLINES: Final[dict[Standing, tuple[str, str]]] = {
    "placed": ("Thank you, we have your order", "We are setting your things aside."),
    "payment_due": ("Thank you, we have your order", "Your things are set aside; we are asking your bank."),
    "payment_failed": ("Your card was declined", "Nothing was taken. We keep your things for you: try another card."),
    "paid": ("Your order is paid", "Thank you! We are packing your parcel."),
    "dispatched": ("Your parcel is on its way", "It left our house. We hope you like it."),
    "cancelled": ("This order was cancelled", "Nothing will be sent and no money is kept."),
    "returned": ("Your return has arrived", "We have sent your money back."),
    "imported": ("A past order", "It comes from the shop's imported history."),
}


class Step(NamedTuple):
    """A step: 'done', 'now' (under way), 'failed' or 'ahead'."""

    name: str
    state: str
    at: datetime | None = None


def headline(order: Order) -> tuple[str, str]:
    """What to tell the customer: in short, and a sentence more."""
    short, more = _HEADLINES[order.status]
    if order.status == "cancelled" and order.reason == CUSTOMERS_WISH:
        more = f"As you wished. {more}"
    elif order.status == "cancelled" and order.reason:
        more = f"The reason: {order.reason}. {more}"
    if order.status == "payment_failed" and order.reason:
        more = f"The bank says: {order.reason}. {more}"
    if order.kind == "return":
        return "A past return", more
    return short, more


def steps(order: Order) -> list[Step]:
    """Placed, paid, dispatched: how far the order has come."""
    if order.status == "imported":
        return []
    placed = Step("Placed", "done" if order.placed_at else "now", order.placed_at)
    if order.status == "cancelled":
        return [placed, Step("Cancelled", "failed", order.updated_at)]
    if order.status == "payment_failed":
        return [placed, Step("Payment declined", "failed", order.updated_at), Step("Dispatched", "ahead")]
    paid = _step("Paid", order.paid_at, "Paying", begun=order.placed_at is not None)
    sent = _step("Dispatched", order.dispatched_at, "Packing", begun=order.paid_at is not None)
    back = [Step("Returned", "done", order.updated_at)] if order.status == "returned" else []
    return [placed, paid, sent, *back]


def _step(done: str, at: datetime | None, meanwhile: str, *, begun: bool) -> Step:
    if at is not None:
        return Step(done, "done", at)
    return Step(meanwhile, "now") if begun else Step(done, "ahead")

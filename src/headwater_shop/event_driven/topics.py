"""The shop's topics: the clickstream, and one of each service with what it tells the others."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from headwater import App, Topic
from headwater_shop.domain import cart, order_events, payment, product
from headwater_shop.event_driven.trending import CLICKSTREAM, trending

MiB: Final = 1024 * 1024

CLICKS: Final = Topic(CLICKSTREAM, max_age=timedelta(days=7), max_bytes=256 * MiB, backlog=100_000)
"""Clicks are counted, or lost when there are far too many: nobody waits for them."""

_KEPT: Final = timedelta(days=30)
"""A service that is away for longer misses what it was told."""

SERVICES: Final = (
    Topic("carts", events=(cart.CartCheckedOut,), max_age=_KEPT),
    Topic(
        "orders",
        events=(
            order_events.OrderPlaced,
            order_events.PaymentDue,
            order_events.OrderPaid,
            order_events.OrderDispatched,
            order_events.OrderCancelled,
            order_events.OrderReturned,
            order_events.RefundDue,
        ),
        max_age=_KEPT,
    ),
    Topic(
        "payments",
        events=(payment.PaymentRequested, payment.PaymentReceived, payment.PaymentDeclined),
        max_age=_KEPT,
    ),
    Topic("products", events=(product.StockReserved, product.ReservationRefused), max_age=_KEPT),
)
"""Relayed from the store, keyed by stream. Reactions to these run as consumers."""


def with_clicks(app: App) -> App:
    """The shop, counting what trends. It needs a broker."""
    return replace(app, topics=(*app.topics, CLICKS), consumers=(*app.consumers, trending))


def through_topics(app: App) -> App:
    """The shop, its services speaking to each other through topics. It needs a broker that keeps what it is given."""
    return replace(app, topics=(*app.topics, *SERVICES))

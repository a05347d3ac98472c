"""What the shop shows: its materialized views, one module for each. A row's first field is its key."""

from typing import Final

from headwater import Runtime
from headwater_shop.event_driven.views.cart import CartRow, cart_view
from headwater_shop.event_driven.views.customer import CustomerRow, customer_view
from headwater_shop.event_driven.views.order_summary import Notice, OrderStatus, OrderSummary, order_summary
from headwater_shop.event_driven.views.product_card import ProductCard, product_card
from headwater_shop.event_driven.views.rejected_row import RejectedRowRow, rejected_row
from headwater_shop.event_driven.views.sales_day import SalesDay, sales_day

VIEWS = (product_card, cart_view, order_summary, customer_view, sales_day, rejected_row)

__all__ = [
    "VIEWS",
    "CartRow",
    "CustomerRow",
    "Notice",
    "OrderStatus",
    "OrderSummary",
    "ProductCard",
    "RejectedRowRow",
    "SalesDay",
    "cart_view",
    "caught_up",
    "customer_view",
    "order_summary",
    "product_card",
    "rejected_row",
    "sales_day",
]

PATIENCE: Final = 120.0
"""Seconds: long enough to rebuild the views of a large shop."""


async def caught_up(runtime: Runtime, timeout: float = PATIENCE) -> None:
    """Return when all views have got as far as the store is now. Raises NotYetVisible."""
    position = await runtime.store.head()
    for view in VIEWS:
        await runtime.queries.reached(view.name, position, timeout)

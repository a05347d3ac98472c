"""How an order stands, in the contract's terms."""

from collections.abc import Callable
from typing import Any, Final, cast, get_args

from headwater.app import Runtime
from headwater.errors import UnknownType
from headwater_shop.contract import PlacedOrder, Status
from headwater_shop.domain.order_events import OrderPlaced
from headwater_shop.event_driven.views import OrderSummary, order_summary

_STATUSES: Final = get_args(Status)


async def order_as_it_stands(runtime: Runtime, order_id: str, *, now: bool = False) -> PlacedOrder | None:
    """An order as the view has it; as its own stream has it where it is to be up to `now`, or the view does not have it
    yet. None where there is none."""
    row = None if now else await _row(runtime, order_id)
    row = row or await _folded(runtime, order_id)
    return None if row is None or row.origin == "import" else placed_order(row)


async def _row(runtime: Runtime, order_id: str) -> OrderSummary | None:
    try:
        return await runtime.get(order_summary, order_id)
    except UnknownType:  # nobody has built the view yet
        return None


async def _folded(runtime: Runtime, order_id: str) -> OrderSummary | None:
    """The view's row, folded from the events of the order's stream alone."""
    row: OrderSummary | None = None
    evolve: Callable[[OrderSummary, Any], OrderSummary | None] = order_summary.evolve
    for envelope in await runtime.store.read_stream(f"order-{order_id}"):
        for event in runtime.app.events.decode(envelope):
            if event.__class__ in order_summary.events:
                row = evolve(row or order_summary.initial(order_id), event)
    return row


def just_placed(event: OrderPlaced) -> PlacedOrder:
    """An order that was placed a moment ago."""
    row: Any = order_summary.evolve(order_summary.initial(event.order_id), event)
    return placed_order(row)


def placed_order(row: OrderSummary) -> PlacedOrder:
    """A row in the contract's terms, which do not know of returns: what was sent back was dispatched."""
    status = cast("Status", row.status if row.status in _STATUSES else "dispatched")
    return PlacedOrder(
        row.order_id, row.customer_id, row.customer_name, status, row.lines, row.total, row.address, row.reason,
        row.placed_at, row.paid_at, row.dispatched_at,
    )  # fmt: skip

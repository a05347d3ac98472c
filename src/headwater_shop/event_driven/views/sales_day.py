"""Money by day and country: what the sales report and its charts add up."""

from datetime import UTC
from decimal import Decimal
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import View
from headwater_shop.domain import money, order_events
from headwater_shop.domain.invoice import AdjustmentImported, OrderImported, ReturnImported


class SalesDay(msgspec.Struct, frozen=True):
    """One day in one country; key `YYYY-MM-DD|country`. Money: net = gross - returned + adjusted.

    The rows count what was imported; live orders have no rows in any file.
    """

    key: str
    day: str
    country: str
    gross: Decimal = money.ZERO
    returned: Decimal = money.ZERO
    adjusted: Decimal = money.ZERO
    sale_rows: int = 0
    return_rows: int = 0
    adjustment_rows: int = 0

    @property
    def net(self) -> Decimal:
        return money.add(money.subtract(self.gross, self.returned), self.adjusted)


SalesEvent = OrderImported | ReturnImported | AdjustmentImported | order_events.OrderPaid | order_events.OrderReturned


def _sales_key(event: SalesEvent) -> str:
    return f"{event.at.astimezone(UTC).date().isoformat()}|{event.country}"


def _initial_sales(key: str) -> SalesDay:
    day, _, country = key.partition("|")
    return SalesDay(key, day, country)


def _evolve_sales(row: SalesDay, event: SalesEvent) -> SalesDay:
    match event:
        case OrderImported():
            gross = money.add(row.gross, event.total)
            return replace(row, gross=gross, sale_rows=row.sale_rows + len(event.lines))
        case ReturnImported():
            back = money.subtract(row.returned, event.total)
            return replace(row, returned=back, return_rows=row.return_rows + len(event.lines))
        case AdjustmentImported():
            adjusted = money.add(row.adjusted, event.total)
            return replace(row, adjusted=adjusted, adjustment_rows=row.adjustment_rows + len(event.lines))
        case order_events.OrderPaid():
            return replace(row, gross=money.add(row.gross, event.total))
        case order_events.OrderReturned():
            return replace(row, returned=money.add(row.returned, event.total))
        case _:
            assert_never(event)


sales_day = View("sales_day", key=_sales_key, initial=_initial_sales, evolve=_evolve_sales, index=("day", "country"))

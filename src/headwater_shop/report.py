"""The sales report, from the views: exact figures over imported history and the shop's own orders.

What was imported counts by the import's rules. A live order counts as a sale once it is paid (with its day of payment
and the country of its address), what is sent back of it as returned; it has no `rows`, which count rows of files.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any, Protocol

from headwater.fold import View
from headwater_shop.domain import money
from headwater_shop.event_driven.views import SalesDay, rejected_row, sales_day

TOP: int = 10


class Queries(Protocol):
    """What the report needs of `headwater.Runtime`."""

    async def count(self, view: View[Any, Any], *, where: Mapping[str, Any] | None = None) -> int: ...
    async def sql(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]: ...


async def report(runtime: Queries) -> dict[str, Any]:
    """The figures as plain data; amounts are exact decimals as text."""
    days = await _days(runtime)
    rejected = await runtime.count(rejected_row)
    gross, returned, adjusted = (_sum(getattr(day, name) for day in days) for name in ("gross", "returned", "adjusted"))
    adjustment_rows = sum(day.adjustment_rows for day in days)
    return {
        "rows": sum(day.sale_rows + day.return_rows for day in days) + adjustment_rows + rejected,
        "rejected": rejected,
        **await _counts(runtime),
        "adjustment_rows": adjustment_rows,
        "gross": money.written(gross),
        "returned": money.written(returned),
        "adjusted": money.written(adjusted),
        "net": money.written(_sum(day.net for day in days)),
        "by_month": _net_by(days, lambda day: day.day[:7]),
        "by_country": _net_by(days, lambda day: day.country),
        "top_products": await _top_products(runtime),
    }

"""The sales report, from the views: exact figures over imported history and the shop's own orders.

What was imported counts by the import's rules. A live order counts as a sale once it is paid (on the day of payment,
in the country of its address), and what is sent back of it as returned; `rows` count rows of files, so it has none.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any, Final

from headwater import Runtime
from headwater_shop.domain import money
from headwater_shop.event_driven.views import SalesDay, caught_up, rejected_row, sales_day

TOP: Final = 10
_ALL: Final = 10_000_000

_COUNTS: Final = """
SELECT
  (SELECT count(*) FROM order_summary WHERE kind = 'order' AND (origin = 'import' OR paid_at IS NOT NULL)) AS orders,
  (SELECT count(*) FROM order_summary WHERE kind = 'return' OR status = 'returned') AS returns,
  (SELECT count(*) FROM customer WHERE bought) AS customers,
  (SELECT count(*) FROM product_card WHERE sale_rows > 0) AS products
"""


async def report(runtime: Runtime) -> dict[str, Any]:
    """The figures of everything recorded so far, as plain data; amounts are exact decimals as text.

    Waits for the views to catch up. Raises NotYetVisible.
    """
    await caught_up(runtime)
    days = await runtime.find(sales_day, limit=_ALL)
    rejected = await runtime.count(rejected_row)
    counts = (await runtime.sql(_COUNTS))[0]
    adjustment_rows = sum(day.adjustment_rows for day in days)
    return {
        "rows": sum(day.sale_rows + day.return_rows for day in days) + adjustment_rows + rejected,
        "rejected": rejected,
        "orders": counts["orders"],
        "returns": counts["returns"],
        "adjustment_rows": adjustment_rows,
        "customers": counts["customers"],
        "products": counts["products"],
        "gross": money.written(_sum(day.gross for day in days)),
        "returned": money.written(_sum(day.returned for day in days)),
        "adjusted": money.written(_sum(day.adjusted for day in days)),
        "net": money.written(_sum(day.net for day in days)),
        "by_month": _net_by(days, lambda day: day.day[:7]),
        "by_country": _net_by(days, lambda day: day.country),
        "top_products": await top_products(runtime),
    }


async def top_products(runtime: Runtime, limit: int = TOP) -> list[dict[str, Any]]:
    """The products with the highest gross revenue, equal ones by stock code."""
    # Exact decimals are text in SQL, so they are compared here.
    rows = await runtime.sql("SELECT stock_code, sold, revenue FROM product_card WHERE sale_rows > 0")
    best = heapq.nsmallest(limit, rows, key=lambda row: (-Decimal(row["revenue"]), row["stock_code"]))
    return [
        {
            "stock_code": row["stock_code"],
            "quantity": row["sold"],
            "revenue": money.written(Decimal(row["revenue"])),
        }
        for row in best
    ]


def _net_by(days: Sequence[SalesDay], key: Callable[[SalesDay], str]) -> dict[str, str]:
    nets: defaultdict[str, Decimal] = defaultdict(lambda: money.ZERO)
    for day in days:
        nets[key(day)] = money.add(nets[key(day)], day.net)
    return {name: money.written(nets[name]) for name in sorted(nets)}


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return reduce(money.add, amounts, money.ZERO)

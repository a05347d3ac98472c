"""The sales report as a page with charts; the figures are those of `headwater shop report`."""

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headwater.app import Runtime
from headwater_shop.event_driven.views import product_card
from headwater_shop.report import report
from headwater_shop.web import timeline
from headwater_shop.web.charts import Bar
from headwater_shop.web.page import page, visit
from headwater_shop.web.words import country, month, title

_BEST_CUSTOMERS = """
SELECT customer_id, country, name, orders, spent FROM customer WHERE bought
ORDER BY CAST(spent AS DOUBLE PRECISION) DESC, customer_id LIMIT 10
"""
_LATEST = """
SELECT order_id, status, total, country, placed_at FROM order_summary WHERE origin = 'shop' AND placed_at IS NOT NULL
ORDER BY placed_at DESC LIMIT 8
"""


async def show(request: Request) -> Response:
    """GET /report"""
    coming = await visit(request)
    runtime = coming.insight.runtime
    figures = await report(runtime)
    months = [Bar(month(key), Decimal(net)) for key, net in figures["by_month"].items()]
    countries = sorted((Bar(country(k), Decimal(v)) for k, v in figures["by_country"].items()), key=lambda b: -b.amount)
    return await page(
        coming,
        "report.html",
        figures=figures,
        months=months[-24:],
        countries=countries,
        top=await _named(runtime, figures["top_products"]),
        customers=[{**row, "spent": Decimal(row["spent"])} for row in await runtime.sql(_BEST_CUSTOMERS)],
        latest=await runtime.sql(_LATEST),
        names=timeline.NAMES,
    )


async def _named(runtime: Runtime, top: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The top products with their names."""
    codes = [row["stock_code"] for row in top]
    cards = await runtime.find(product_card, where={"stock_code": codes}, limit=len(codes)) if codes else []
    known = {card.stock_code: card for card in cards}
    return [
        {
            **row,
            "name": title(known[row["stock_code"]].name),
            "listed": known[row["stock_code"]].listed,
            "revenue": Decimal(row["revenue"]),
        }
        for row in top
        if row["stock_code"] in known
    ]

"""The front of the event-driven shop by itself: nobody at work behind it, or too much to do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from starlette.applications import Starlette

from headwater import Runtime
from headwater.errors import AcknowledgementLost, Overloaded
from headwater.testing.running import asynchronous, run
from headwater_shop.contract import PREFIX
from headwater_shop.domain.order import ReturnedItem, ReturnGoods
from headwater_shop.domain.product import ListProduct
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_services.front import contract_routes
from headwater_shop.parts.answering import Answer, Asked, route
from headwater_shop.web.cards import CardDesk

LINE = {"stock_code": "mug", "name": "Mug", "quantity": 2, "unit_price": "2.50"}
CHECKOUT = {"customer_id": "ada", "customer_name": "Ada", "address": {}, "lines": [LINE]}


@asynccontextmanager
async def client(*, workers: bool) -> AsyncIterator[tuple[httpx.AsyncClient, Runtime]]:
    desk = CardDesk(PaymentDouble())
    async with Runtime.open(shop_app(desk), workers=workers) as runtime:
        transport = httpx.ASGITransport(Starlette(routes=contract_routes(runtime, desk)))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://shop{PREFIX}/") as opened:
            yield opened, runtime


@asynchronous
async def test_with_nobody_at_work_orders_are_taken_and_shown_and_shelves_are_not_there_yet() -> None:
    async with client(workers=False) as (shop, runtime):
        assert (await shop.put("orders/o-1", json=CHECKOUT)).status_code == 202
        again = await shop.put("orders/o-1", json=CHECKOUT)
        found = (await shop.get("orders/o-1")).json()
        assert again.json() == found
        assert found["status"] == "placed"
        assert len(await runtime.store.read_stream("order-o-1")) == 1
        cancelled = await shop.post("orders/o-1/cancel")
        assert cancelled.json()["status"] == "cancelled"
        shelf = await shop.get("products/mug")
        assert (shelf.status_code, shelf.headers["retry-after"]) == (503, "1")


@asynchronous
async def test_what_was_sent_back_counts_as_dispatched() -> None:
    async with client(workers=True) as (shop, runtime):
        at = datetime(2025, 1, 1, tzinfo=UTC)
        await runtime.execute(ListProduct("mug", "Mug", "Mugs", Decimal("2.50"), at, on_hand=5))
        await shop.put("orders/o-1", json=CHECKOUT)
        await runtime.idle()
        await runtime.execute(ReturnGoods("o-1", (ReturnedItem("mug", 1),), at))
        await runtime.idle()
        assert (await shop.get("orders/o-1")).json()["status"] == "dispatched"
        assert (await shop.put("orders/o-1", json=CHECKOUT)).status_code == 201


@pytest.mark.parametrize(
    ("error", "status", "after"), [(Overloaded("the queue", 5, 2.5), 503, "3"), (AcknowledgementLost("x"), 503, "1")]
)
def test_what_cannot_be_done_now_says_when_to_come_again(error: Exception, status: int, after: str) -> None:
    async def refuse(_asked: Asked) -> Answer:
        raise error

    async def scenario() -> None:
        transport = httpx.ASGITransport(Starlette(routes=[route("PUT", "/it", refuse)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as opened:
            answer = await opened.put("/it", content=b"{}")
            assert (answer.status_code, answer.headers["retry-after"]) == (status, after)

    run(scenario())

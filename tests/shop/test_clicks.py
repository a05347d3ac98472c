"""Clicks: told by the pages, and never at the cost of a page."""

import asyncio
import json
import logging
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from web_support import Shopper, shopping

from clicks_oracle import records
from headwater import Record, Runtime
from headwater.testing.running import asynchronous
from headwater_shop.domain.clicks import AddedToCart, ProductViewed
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.event_driven.topics import CLICKS, with_clicks
from headwater_shop.event_driven.trending import CLICKSTREAM
from headwater_shop.web import trending, trends
from headwater_shop.web.page import Shop

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOOK = ProductViewed("mug1", AT)


@asynchronous
async def test_pages_tell_what_shoppers_do_and_not_who_they_are() -> None:
    async with shopping(counted=True) as shopper:
        await shopper.get("/products/mug1")
        await shopper.get("/search?q=%20Blue%20%20MUG")
        await shopper.get("/search?q=my+secret")  # finds nothing
        await shopper.get("/search?q=mug&page=2")
        await shopper.client.head("/products/mug1")
        await shopper.put_into_cart("mug2", 3)  # looks at mug1 once more, for the form
        await shopper.post("/cart/items", 422, stock_code="mug2", quantity="0")  # and again
        found = await told(shopper, 5)
        clicks = [(record.headers["ce-type"].removeprefix("shop."), json.loads(record.value)) for record in found]
        assert [kind for kind, _ in clicks] == [
            "product_viewed", "searched", "product_viewed", "added_to_cart", "product_viewed",
        ]  # fmt: skip
        assert (clicks[1][1]["words"], clicks[1][1]["found"]) == ("blue mug", 1)
        assert (clicks[3][1]["stock_code"], clicks[3][1]["quantity"]) == ("mug2", 3)
        assert len({record.key for record in found}) == 1
        token = shopper.client.cookies["shopper"].partition(".")[0]
        assert not any(token in f"{record.key}{record.value!r}{record.headers}" for record in found)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trends is looked up as often as a test likes."""
    for module in (trends, trending):
        monkeypatch.setattr(module, "FRESH", 0.02)


@pytest.mark.usefixtures("brisk")
@asynchronous
async def test_what_trends_is_on_the_pages_and_moves() -> None:
    async with shopping(counted=True) as shopper:
        shop = shop_of(shopper)
        assert "It is quiet" in await shopper.get("/")
        async with aclosing(trending.updates(shop, 1)) as live:
            assert b"It is quiet" in await anext(live)
            await shopper.get("/products/heart")
            assert b'data-key="heart"' in await anext(live)
            await shopper.put_into_cart("mug2")
            async for chunk in live:
                if b'data-key="mug2"' in chunk and b"1 in carts" in chunk:
                    break
        await shopper.get("/search?q=spotty")
        await shopper.runtime.publish(CLICKSTREAM, AddedToCart("heart", 1, shop.now() - timedelta(hours=2)), key="v")
        while "/search?q=spotty" not in (page := await shopper.get("/trending")):
            await a_moment(shopper.runtime)
        assert page.index("Blue Mug") < page.index("Hanging Heart")


@asynchronous
async def test_a_shop_that_counts_nothing_says_so() -> None:
    async with shopping() as shopper:
        assert "Trending now</h2>" not in await shopper.get("/")
        assert "without a broker" in await shopper.get("/trending")


@asynchronous
async def test_a_broker_that_is_away_costs_clicks_and_no_page(caplog: pytest.LogCaptureFixture) -> None:
    async with shopping(counted=True) as shopper:
        clicks = shop_of(shopper).clicks
        assert clicks
        assert shopper.runtime.broker
        await shopper.runtime.broker.close()
        with caplog.at_level(logging.WARNING, "headwater_shop"):
            for dropped in range(1, 4):
                await shopper.get("/products/mug1")
                while clicks.dropped < dropped:
                    await a_moment(shopper.runtime)
        assert clicks.published == 0
        assert [record.name for record in caplog.records] == ["headwater_shop.clicks"]


@asynchronous
async def test_what_a_full_topic_refuses_is_dropped_and_counted() -> None:
    app = replace(with_clicks(shop_app()), topics=[replace(CLICKS, backlog=20)])
    async with Runtime.open(app, broker="memory:", workers=["views"]) as runtime:
        assert runtime.broker
        await (await runtime.broker.join(CLICKSTREAM, "trending")).leave()  # a group that is behind for good
        clicks = Clicks(runtime, waiting=60)
        for _ in range(100):
            clicks.note(LOOK, "ada")
        assert clicks.dropped == 40
        running = asyncio.create_task(clicks.run())
        while clicks.published + clicks.dropped < 100:
            await a_moment(runtime)
        running.cancel()
        await asyncio.wait([running])
        assert 0 < clicks.published <= 20
        assert len(await records(runtime.broker)) == clicks.published


@asynchronous
async def test_clicks_that_wait_when_the_shop_closes_are_counted_as_dropped() -> None:
    async with Runtime.open(with_clicks(shop_app()), broker="memory:") as runtime:
        clicks = Clicks(runtime)
        running = asyncio.create_task(clicks.run())
        await asyncio.sleep(0)
        clicks.note(LOOK, "ada")
        running.cancel()
        await asyncio.wait([running])
        assert (clicks.published, clicks.dropped) == (0, 1)


def shop_of(shopper: Shopper) -> Shop:
    shop: Shop = shopper.client._transport.app.state.shop  # type: ignore[attr-defined]
    return shop


async def told(shopper: Shopper, number: int) -> list[Record]:
    """The clicks in their order, once there are so many; they are all of one visitor."""
    assert shopper.runtime.broker
    while len(found := await records(shopper.runtime.broker)) < number:
        await a_moment(shopper.runtime)
    return sorted(found, key=lambda record: record.offset)


async def a_moment(runtime: Runtime) -> None:
    """Until the shop's next event, or a very short while."""
    await runtime.store.wait(await runtime.store.head(), timeout=0.01)

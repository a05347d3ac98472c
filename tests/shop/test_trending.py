"""What trends: counted once, from the clicks' own times, in whatever order they come."""

import random
from datetime import timedelta
from decimal import Decimal
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clicks_oracle import assert_same, count, kept, records
from headwater import Runtime
from headwater.clock import SystemClock, to_datetime
from headwater.testing.running import asynchronous
from headwater_shop.domain.clicks import AddedToCart, Click, ProductViewed, Searched
from headwater_shop.domain.product import ListProduct
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.topics import with_clicks
from headwater_shop.event_driven.trending import CLICKSTREAM, HALF_LIFE, LIFE, heat
from headwater_shop.web.trends import Trending, Trends

AT = to_datetime(SystemClock().now())


def some_clicks(rng: random.Random, number: int) -> list[Click]:
    """Clicks of an hour, with a few of long ago and of much later among them, in no order."""
    clicks: list[Click] = []
    for _ in range(number):
        day = rng.choice([0] * 20 + [-900, 1, 30])
        at = AT + timedelta(days=day, seconds=rng.random() * 3600)
        code = f"p{int(rng.expovariate(0.3))}"
        clicks.append(rng.choice([ProductViewed(code, at), AddedToCart(code, 2, at), Searched(f"word {code}", 3, at)]))
    return clicks


@asynchronous(seconds=60)
async def test_the_tables_are_what_the_records_add_up_to(url: str) -> None:
    rng = random.Random(5)
    async with Runtime.open(with_clicks(shop_app()), url, broker="memory:") as runtime:
        for click in some_clicks(rng, 600):
            await runtime.publish(CLICKSTREAM, click, key=f"visitor {rng.randrange(20)}")
        await runtime.publish(CLICKSTREAM, ProductViewed("twice", AT), key="v", id="the-same")
        await runtime.publish(CLICKSTREAM, ProductViewed("twice", AT), key="v", id="the-same")
        await runtime.idle()
        assert runtime.broker
        assert_same(await kept(runtime), count(await records(runtime.broker)))
        [row] = await runtime.sql("SELECT * FROM trending WHERE stock_code = 'twice'")
        assert (row["views"], row["carts"]) == (1, 0)


@asynchronous(seconds=60)
async def test_the_hottest_come_first_and_what_cooled_down_not_at_all(url: str) -> None:
    async with Runtime.open(with_clicks(shop_app()), url, broker="memory:") as runtime:
        assert await Trends(runtime).now() == Trending()
        for code in ("cold", "two-looks", "cart", "none"):
            await runtime.execute(ListProduct(code, code.title(), "", Decimal(1), AT))
        long_ago = [AddedToCart("cold", 1, AT - timedelta(hours=1))] * 50
        looks: list[Click] = [ProductViewed("two-looks", AT)] * 2
        others: list[Click] = [AddedToCart("cart", 1, AT - timedelta(minutes=4)), ProductViewed("not listed", AT)]
        await runtime.publish(CLICKSTREAM, *long_ago, *looks, *others, Searched("a mug", 3, AT), key="v")
        await runtime.idle()
        found = await Trends(runtime).now()
        assert [each.stock_code for each in found.products] == ["cart", "two-looks"]
        assert float(found.products[1].share(found.products[0].heat)) == pytest.approx(2 / 5 * 2**0.8, abs=1e-6)
        assert found.words == ("a mug",)


def test_a_click_halves_in_its_half_life_and_a_cart_weighs_five_looks() -> None:
    assert heat(1, AT) + log(2) == pytest.approx(heat(1, AT + HALF_LIFE), abs=1e-9)
    assert heat(5, AT) - heat(1, AT) == pytest.approx(log(5), abs=1e-9)


@given(st.floats(0, 10**9), st.floats(0, 10**9))
def test_heat_compares_moments_up_to_thirty_years_apart(first: float, second: float) -> None:
    older, newer = sorted((first, second))
    apart = heat(1, AT + timedelta(seconds=newer)) - heat(1, AT + timedelta(seconds=older))
    assert apart == pytest.approx((newer - older) / LIFE, abs=1e-6)

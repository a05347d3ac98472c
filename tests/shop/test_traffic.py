"""Simulated shoppers buy what the store's own history says, as fast as the clock lets them."""

import asyncio
import random
from datetime import date
from pathlib import Path

import pytest

from headwater.app import Runtime
from headwater.clock import SystemClock
from headwater.testing.running import asynchronous
from headwater_shop.event_driven.app import shop_app
from headwater_shop.imports import import_file
from headwater_shop.seed import write_csv
from headwater_shop.traffic import Traffic, habits


class Hurried(SystemClock):
    """A clock on which no one ever waits long."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0 if seconds < 60 else seconds)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traffic") / "week.csv"
    write_csv(path, orders=40, start=date(2024, 6, 3), days=7)
    return path


def test_habits_are_those_of_the_store(week: Path) -> None:
    @asynchronous
    async def main() -> None:
        async with Runtime.open(shop_app()) as runtime:
            await import_file(runtime, week)
            known = await habits(runtime)
            rows = await runtime.sql("SELECT stock_code, sale_rows FROM product_card WHERE listed AND sale_rows > 0")
            sold = {row["stock_code"]: row["sale_rows"] for row in rows}
            assert dict(zip(known.products.values, known.products.times, strict=True)) == sold
            assert max(known.hours.values()) == 1
            assert known.pace(3) < known.pace(12)
            assert min(known.quantities.values) >= 1
            drawn = [known.products.draw(random.Random(seed)) for seed in range(50)]
            assert set(drawn) <= set(sold)

    main()


def test_shoppers_buy_and_their_orders_are_dispatched(week: Path) -> None:
    @asynchronous(seconds=60)
    async def main() -> None:
        async with Runtime.open(shop_app(), clock=Hurried()) as runtime:
            await import_file(runtime, week)
            traffic = Traffic(runtime, 1, say=lambda line: None, seed=1)
            known = await habits(runtime)
            for seed in range(6):
                await traffic.shop_once(known, random.Random(seed))
            await runtime.idle()
            rows = await runtime.sql("SELECT status FROM order_summary WHERE origin = 'shop'")
            assert traffic.tally.orders + traffic.tally.left == 6
            assert len(rows) == traffic.tally.orders > 0
            assert {row["status"] for row in rows} == {"dispatched"}

    main()


def test_the_traffic_ends_when_it_is_told_to(week: Path) -> None:
    @asynchronous(seconds=60)
    async def main() -> None:
        said: list[str] = []
        enough = asyncio.Event()

        def say(line: str) -> None:
            said.append(line)
            enough.set()

        async with Runtime.open(shop_app(), clock=Hurried()) as runtime:
            await import_file(runtime, week)
            task = asyncio.create_task(Traffic(runtime, 3, say=say, seed=1).run())
            await enough.wait()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        assert said[0].startswith("traffic: 3 shoppers")

    main()


@asynchronous
async def test_shoppers_of_an_empty_shop_say_so() -> None:
    said: list[str] = []
    async with Runtime.open(shop_app()) as runtime:
        await Traffic(runtime, 3, say=said.append).run()
    assert "nothing has been sold yet" in said[0]

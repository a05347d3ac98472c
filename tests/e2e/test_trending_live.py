"""What trends, in a real browser and counted by a process of its own: it moves by itself, and kill -9 of who counts
loses nothing and doubles nothing."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from real_shop import Shop, Watch, opened, running, working
from shopping_steps import photograph

from clicks_oracle import assert_same, count, kept, records
from headwater.app import Runtime
from headwater.testing.running import run
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.topics import with_clicks
from headwater_shop.event_driven.trending import CLICKSTREAM

PATIENCE = 40.0  # seconds; a member that was killed is missed after ten


def test_it_moves_by_itself_and_a_killed_counter_loses_and_doubles_nothing(
    browser: Browser, tmp_path: Path, pictures: Path
) -> None:
    store, broker = f"sqlite:///{tmp_path}/shop.db", f"sqlite:///{tmp_path}/topics.db"
    place = ["--store", store, "--broker", broker]
    with ExitStack() as counting:
        with running(*place, "--port", "0", "--traffic", "50", "--without", "trending", cwd=tmp_path) as (url, _shop):
            watch = Watch(url)
            with (
                opened(browser, Shop(url, store), watch) as page,
                working(*place, "--only", "trending", cwd=tmp_path) as counter,
            ):
                page.goto("/")
                page.evaluate("window.loadedOnce = true")
                _moves(page)
                counter.kill()
                counter.wait()
                counting.enter_context(working(*place, "--only", "trending", cwd=tmp_path))
                _moves(page)
                assert page.evaluate("window.loadedOnce"), "the page was loaded again"
                page.goto("/trending")
                expect(page.locator(".trends li")).to_have_count(24)
                photograph(page, pictures, "trending")
            assert (watch.errors, watch.strayed) == ([], [])
        _compare(store, broker)  # the shop is closed: no more clicks come, and whoever counts has only to finish


def _moves(page: Page) -> None:
    """Waits until what the page shows is something else than before."""
    box = page.locator("[data-trending]")
    expect(box.locator(".trends li")).to_have_count(6, timeout=PATIENCE * 1000)
    expect(box).not_to_have_text(box.inner_text(), timeout=PATIENCE * 1000, use_inner_text=True)


def _compare(store: str, broker: str) -> None:
    """Once all is counted: was it counted right? In a thread without the browser's event loop."""

    async def look() -> None:
        async with Runtime.open(with_clicks(shop_app()), store, broker=broker, workers=False) as runtime:
            assert runtime.broker
            while any(group.records for group in await runtime.broker.groups(CLICKSTREAM)):
                await runtime.store.wait(await runtime.store.head(), timeout=0.05)  # or only a very short while
            clicks = await records(runtime.broker)
            assert len(clicks) > 100
            assert_same(await kept(runtime), count(clicks))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(run, look(), seconds=PATIENCE).result()

"""The real shop in a process of its own, and a real browser: Debian's Chromium, by Playwright.

Set HEADWATER_SCREENSHOTS to a folder to keep a picture of every page.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from real_shop import Shop, Watch, headwater, opened, running

from headwater_shop.seed import write_csv

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session", params=["sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a month of made-up sales, a quick bank that never fails by itself, and quick packers; on SQLite, or
    on what a module's `parametrize` says."""
    folder = tmp_path_factory.mktemp("shop")
    store = f"sqlite:///{folder / 'shop.db'}"
    if request.param == "postgresql":
        store = request.getfixturevalue("new_schema")(request.getfixturevalue("postgres"))
    write_csv(folder / "month.csv", seed=7, orders=120, start=date(2024, 11, 1), days=60)
    headwater("shop", "import", str(folder / "month.csv"), "--store", store)
    options = ["--port", "0", "--payment-delay", "0.6", "--payment-failures", "0", "--packing", "1"]
    with running("--store", store, *options, cwd=folder) as (url, _process):
        yield Shop(url, store)


@pytest.fixture(scope="module")  # not longer: while it is open, no other test can run an event loop in this thread
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("NO BROWSER: install Debian's chromium (apt-get install chromium) to test the Shop UI for real")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def watch(shop: Shop) -> Iterator[Watch]:
    """Fails the test if a page logged an error or asked anything of another machine."""
    watching = Watch(shop.url)
    yield watching
    assert watching.strayed == []
    assert watching.errors == []


@pytest.fixture
def page(browser: Browser, shop: Shop, watch: Watch) -> Iterator[Page]:
    """A browser window of a new shopper."""
    with opened(browser, shop, watch) as page:
        yield page


@pytest.fixture
def page_without_scripts(browser: Browser, shop: Shop, watch: Watch) -> Iterator[Page]:
    """A browser window with JavaScript turned off."""
    with opened(browser, shop, watch, java_script_enabled=False) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, shop: Shop, watch: Watch) -> Iterator[Page]:
    """A browser as wide as a phone."""
    with opened(browser, shop, watch, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        yield page


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go."""
    chosen = os.environ.get("HEADWATER_SCREENSHOTS")
    folder = Path(chosen) if chosen else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder

"""Every page at the width of a desk and of a phone: it fits, it loads nothing from elsewhere, it logs no error."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from real_shop import Shop, Watch, headwater
from shopping_steps import photograph, place_order, put_into_cart, some_product

PAGES = {
    "home": "/",
    "quiet": "/trending",
    "all": "/search",
    "category": "/search?category=Mugs+%26+Teatime",
    "nothing-found": "/search?q=zeppelin",
    "empty-cart": "/cart",
    "no-orders": "/orders",
    "report": "/report",
}


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_pages_fit_and_are_quiet(width: str, page: Page, phone: Page, pictures: Path) -> None:
    window = page if width == "desk" else phone
    for name, address in PAGES.items():
        window.goto(address)
        expect(window.get_by_role("heading", level=1)).to_have_count(1)
        assert _overflow(window) <= 0, f"{address} is wider than the window"
        photograph(window, pictures, f"{name}-{width}")


def test_buying_on_a_phone(phone: Page, pictures: Path) -> None:
    code = some_product(phone)
    put_into_cart(phone, code)
    photograph(phone, pictures, "product-phone")
    for name in ("cart", "checkout"):
        phone.goto(f"/{name}")
        assert _overflow(phone) <= 0
        photograph(phone, pictures, f"{name}-phone")
    order_id = place_order(phone)
    expect(phone.locator("[data-status]")).to_have_attribute("data-status", "dispatched")
    photograph(phone, pictures, "order-phone")
    phone.goto(f"/orders/{order_id}/story")
    assert _overflow(phone) <= 0
    photograph(phone, pictures, "story-phone")
    phone.goto("/orders")
    assert _overflow(phone) <= 0
    photograph(phone, pictures, "orders-phone")


def test_pages_turn(page: Page) -> None:
    page.goto("/search?sort=name")
    first = page.locator(".tile-name").first.inner_text()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_label("Pages").locator("[aria-current]")).to_have_text("2")
    assert page.locator(".tile-name").first.inner_text() > first
    expect(page.get_by_label("Sort by")).to_have_value("name")


def test_the_report_shows_the_figures_of_the_command(page: Page, shop: Shop) -> None:
    page.goto("/report")
    figures = json.loads(headwater("shop", "report", "--json", "--store", shop.store))
    assert page.get_by_test_id("net").inner_text().replace(",", "") == f"£{figures['net']}"
    page.get_by_role("main").locator("table a").first.click()
    expect(page.get_by_role("button", name="Add to cart")).to_be_visible()


def test_a_customer_of_the_past(page: Page, pictures: Path) -> None:
    page.goto("/report")
    page.locator("a[href^='/customers/']").first.click()
    photograph(page, pictures, "customer")
    page.locator(".order a").first.click()
    expect(page.get_by_role("main")).to_contain_text("imported history")
    photograph(page, pictures, "order-imported")


@pytest.mark.parametrize("address", ["/nowhere", "/products/none", "/orders/none", "/customers/none"])
def test_what_is_not_there_is_said_kindly(address: str, page: Page, watch: Watch, pictures: Path) -> None:
    watch.expected = ("status of 404",)
    answer = page.goto(address)
    assert answer
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("We cannot find that")
    photograph(page, pictures, f"missing{address.replace('/', '-')}")


def test_the_keyboard_reaches_what_matters_first(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_pictures_may_be_kept(page: Page) -> None:
    page.goto("/")
    address = page.locator(".tile img").first.get_attribute("src") or ""
    first = page.request.get(address)
    assert re.search(r"max-age=\d+", first.headers["cache-control"])
    again = page.request.get(address, headers={"if-none-match": first.headers["etag"]})
    assert again.status == 304


def _overflow(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width

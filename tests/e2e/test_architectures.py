"""The same purchase, in a real browser, at the shop in each of the ways in which it is built."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_shops import fake_shops
from playwright.sync_api import Browser, Page, expect
from real_shop import Shop, Watch, opened, running
from shopping_steps import EMPTY_CARD, fill_in, find, photograph, place_order, put_into_cart, some_product

QUICK = ("--port", "0", "--payment-delay", "0.3", "--payment-failures", "0", "--packing", "1")
TITLES = ("traditional", "soa", "microservices", "point_to_point/hardened", "event_driven/naive")


@pytest.mark.parametrize("title", TITLES)
def test_a_purchase(title: str, browser: Browser, pictures: Path, tmp_path: Path) -> None:
    folder = pictures / title.replace("/", "-")
    folder.mkdir(exist_ok=True)
    name, _, variant = title.partition("/")
    which = ["--architecture", name, *(["--variant", variant] if variant else [])]
    with running(*which, *QUICK, cwd=tmp_path) as (address, _process):
        buys_something(browser, address, folder)


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, str]]:
    """The addresses of shops of which only the contract is real, by their architectures' titles."""
    with fake_shops(TITLES) as addresses:
        yield addresses


def buys_something(browser: Browser, address: str, folder: Path) -> None:
    """At the shop at that address: looks around, fills a cart, orders, is declined, pays again."""
    watch = Watch(address)
    with opened(browser, Shop(address, ""), watch) as page:
        page.goto("/")
        expect(page.locator(".tile").first).to_be_visible()
        photograph(page, folder, "home")
        find(page, "mugs")
        expect(page.get_by_test_id("found")).to_contain_text(re.compile(r"\d+ products?"))
        photograph(page, folder, "search")
        page.locator(".tile:not(.gone) a").first.click()
        name = page.get_by_role("heading", level=1).inner_text()
        photograph(page, folder, "product")
        page.get_by_role("button", name="Add to cart").click()
        page.get_by_role("link", name="Go to the cart").click()
        page.get_by_label(f"Quantity of {name}").fill("2")
        page.get_by_label(f"Quantity of {name}").press("Enter")
        expect(page.get_by_test_id("cart-count")).to_contain_text("2")
        put_into_cart(page, some_product(page, 2))
        page.goto("/cart")
        total = page.get_by_test_id("total").inner_text()
        photograph(page, folder, "cart")
        page.get_by_role("link", name="Check out").click()
        fill_in(page)
        photograph(page, folder, "checkout")
        page.get_by_role("button", name="Place the order").click()
        expect(page.locator("[data-status]")).to_have_attribute("data-status", "dispatched")
        assert page.get_by_test_id("total").inner_text() == total
        photograph(page, folder, "order")
        _is_declined_and_pays_again(page, folder)
        page.get_by_role("link", name="Orders", exact=True).click()
        expect(page.locator(".order")).to_have_count(2)
        photograph(page, folder, "orders")
    assert watch.strayed == []
    assert watch.errors == []


def _is_declined_and_pays_again(page: Page, folder: Path) -> None:
    put_into_cart(page, some_product(page, 1))
    place_order(page, card=EMPTY_CARD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your card was declined")
    photograph(page, folder, "order-declined")
    page.locator("input[name=card][value=heron]").check()
    page.get_by_role("button", name=re.compile("^Pay £")).click()
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "dispatched")


def test_the_switch_leads_from_one_to_the_other(fakes: dict[str, str], browser: Browser, pictures: Path) -> None:
    here, there = fakes["traditional"], fakes["soa"]
    watch = Watch(here)
    with opened(browser, Shop(here, ""), watch) as page:
        code = some_product(page)
        put_into_cart(page, code)
        expect(page.get_by_test_id("built-as")).to_have_text("traditional")
        page.get_by_test_id("built-as").click()
        photograph(page, pictures, "switch")
        page.get_by_role("link", name="service-oriented").click()
        expect(page).to_have_url(re.compile(f"^{re.escape(there)}/products/{code}"))
        expect(page.get_by_test_id("built-as")).to_have_text("service-oriented")
        expect(page.get_by_test_id("cart-count")).to_have_count(0)  # this shop keeps carts of its own
        page.goto("/cart")
        expect(page.get_by_test_id("cart-count")).to_contain_text("1")
        page.goto("/report")
        expect(page.get_by_role("heading", level=1)).to_have_text("This shop cannot tell")
        photograph(page, pictures, "elsewhere")


def test_the_switch_on_a_phone(fakes: dict[str, str], browser: Browser, pictures: Path) -> None:
    here = fakes["microservices"]
    with opened(browser, Shop(here, ""), Watch(here), viewport={"width": 390, "height": 844}) as page:
        page.goto("/")
        page.get_by_test_id("built-as").click()
        expect(page.get_by_role("link", name="traditional")).to_be_visible()
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0
        photograph(page, pictures, "switch-phone")


def test_a_shop_that_does_not_answer_says_so(browser: Browser, pictures: Path) -> None:
    with fake_shops(["microservices"], down=True) as addresses:
        here = addresses["microservices"]
        watch = Watch(here, expected=("status of 503",))
        with opened(browser, Shop(here, ""), watch) as page:
            page.goto("/search?q=mugs")
            expect(page.get_by_role("heading", level=1)).to_have_text("One moment, please")
            page.get_by_test_id("built-as").click()
            expect(page.get_by_text("headwater shop --architecture event_driven")).to_be_visible()
            photograph(page, pictures, "one-moment")
        assert watch.errors == []

"""A real browser buys at the real shop."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from real_shop import Shop, Watch
from shopping_steps import (
    EMPTY_CARD,
    fill_in,
    find,
    note_statuses,
    photograph,
    place_order,
    put_into_cart,
    some_product,
)


@pytest.mark.parametrize("shop", ["sqlite", "postgresql"], indirect=True, scope="session")
def test_searches_fills_a_cart_checks_out_and_sees_the_order_paid_and_dispatched(page: Page, pictures: Path) -> None:
    find(page, "mugs")
    expect(page.get_by_test_id("found")).to_contain_text(re.compile(r"\d+ products?"))
    photograph(page, pictures, "search")
    page.locator(".tile a").first.click()
    name = page.get_by_role("heading", level=1).inner_text()
    page.get_by_label("Quantity").fill("2")
    photograph(page, pictures, "product")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("status")).to_contain_text("In your cart now: 2")
    photograph(page, pictures, "product-added")

    page.get_by_role("link", name="Go to the cart").click()
    expect(page.get_by_role("main")).to_contain_text(name)
    page.get_by_label(f"Quantity of {name}").fill("3")
    page.get_by_label(f"Quantity of {name}").press("Enter")
    expect(page.get_by_test_id("cart-count")).to_contain_text("3")
    put_into_cart(page, some_product(page, 3), 1)
    page.goto("/cart")
    total = page.get_by_test_id("total").inner_text()
    photograph(page, pictures, "cart")

    page.get_by_role("link", name="Check out").click()
    fill_in(page)
    photograph(page, pictures, "checkout")
    note_statuses(page)
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_test_id("order-number")).to_be_visible()
    photograph(page, pictures, "order-under-way")
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "dispatched")
    expect(page.get_by_test_id("letters")).to_contain_text("that it is on its way")
    photograph(page, pictures, "order-dispatched")
    seen = page.evaluate("window.statuses")  # gone if the page had been loaded again
    assert seen[0] in ("placed", "payment_due")
    assert seen[-2:] == ["paid", "dispatched"]
    assert page.get_by_test_id("total").inner_text() == total
    expect(page.get_by_role("main")).to_contain_text("7 Mill Lane")

    page.get_by_role("link", name="Orders", exact=True).click()
    expect(page.locator(".order")).to_have_count(1)
    expect(page.locator(".order")).to_contain_text("Dispatched")
    photograph(page, pictures, "orders")
    page.locator(".order a").click()
    page.get_by_role("link", name="What happened").click()
    for happened in (
        "cart.checked_out",
        "order.placed",
        "product.stock_reserved",
        "payment.received",
        "order.dispatched",
    ):
        expect(page.locator(".story")).to_contain_text(happened)
    photograph(page, pictures, "story")


def test_a_declined_card_is_told_kindly_and_another_one_pays(page: Page, pictures: Path) -> None:
    put_into_cart(page, some_product(page, 1))
    place_order(page, card=EMPTY_CARD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your card was declined")
    expect(page.get_by_role("main")).to_contain_text("not enough money")
    expect(page.get_by_role("main")).to_contain_text("Nothing was taken")
    photograph(page, pictures, "order-declined")
    page.locator("input[name=card][value=heron]").check()
    page.get_by_role("button", name=re.compile("^Pay £")).click()
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "dispatched")


def test_an_order_can_be_cancelled_while_it_is_not_paid(page: Page, pictures: Path) -> None:
    put_into_cart(page, some_product(page, 2))
    place_order(page, card="mayfly")
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This order was cancelled")
    expect(page.get_by_test_id("letters")).to_contain_text("that it was cancelled")
    photograph(page, pictures, "order-cancelled")


def test_what_is_not_there_cannot_be_bought(page: Page, shop: Shop, watch: Watch, pictures: Path) -> None:
    watch.expected = ("status of 422",)
    code = some_product(page, 5)
    shop.command("product.count_stock", stock_code=code, on_hand=4)
    page.goto(f"/products/{code}")
    expect(page.get_by_test_id("stock")).to_have_text("Only 4 left")
    put_into_cart(page, code, 3)
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("alert")).to_contain_text("We have only 4 of these, and 3 of them are in your cart")

    shop.command("product.count_stock", stock_code=code, on_hand=0)
    page.goto("/checkout")
    expect(page).to_have_url(re.compile("/cart"))
    expect(page.get_by_role("alert")).to_contain_text("This has just sold out")
    photograph(page, pictures, "cart-sold-out")
    page.goto(f"/products/{code}")
    expect(page.get_by_test_id("stock")).to_have_text("Sold out")
    expect(page.get_by_role("button", name="Add to cart")).to_have_count(0)
    photograph(page, pictures, "product-sold-out")


def test_an_order_that_meets_empty_shelves_is_cancelled_with_the_reason(page: Page, shop: Shop) -> None:
    code = some_product(page, 6)
    page.goto(f"/products/{code}")
    price = page.locator(".price.large").inner_text().removeprefix("£").removesuffix(" each")
    line = {"stock_code": code, "name": "Something", "quantity": 9999, "unit_price": price}
    address = {"street": "1 Weir Street", "city": "Millbridge", "postcode": "MB1", "country": "France"}
    order = {"order_id": f"test-{datetime.now(UTC):%H%M%S%f}", "customer_id": "someone", "customer_name": "Someone"}
    shop.command("order.place", **order, address=address, lines=[line])
    page.goto(f"/orders/{order['order_id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text("This order was cancelled")
    expect(page.get_by_role("main")).to_contain_text("are left")
    expect(page.get_by_role("main")).not_to_contain_text("Weir Street")  # it is someone else's


def test_everything_works_without_javascript(page_without_scripts: Page, pictures: Path) -> None:
    page = page_without_scripts
    find(page, "tea")
    page.get_by_label("Sort by").select_option("price")
    page.get_by_role("button", name="Sort").click()
    page.locator(".tile:not(.gone) a").first.click()
    name = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("link", name="Go to the cart").click()
    page.get_by_label(f"Quantity of {name}").fill("4")
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_test_id("cart-count")).to_contain_text("4")
    page.get_by_role("button", name=f"Remove {name}").click()
    expect(page.get_by_role("main")).to_contain_text("Your cart is empty")
    put_into_cart(page, some_product(page), 2)
    place_order(page)
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "dispatched")  # it reloads by itself
    page.get_by_role("link", name="Your orders").first.click()
    expect(page.locator(".order")).to_have_count(1)


def test_a_form_with_mistakes_comes_back_with_what_was_typed(page: Page, watch: Watch, pictures: Path) -> None:
    watch.expected = ("status of 422",)
    put_into_cart(page, some_product(page))
    page.goto("/checkout")
    fill_in(page, email="ada at example")
    page.get_by_label("Postcode").fill("")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("alert")).to_contain_text("2 fields")
    expect(page.get_by_label("E-mail")).to_have_value("ada at example")
    expect(page.get_by_label("Full name")).to_have_value("Ada Brook")
    expect(page.get_by_role("main")).to_contain_text("This does not look like an e-mail address")
    photograph(page, pictures, "checkout-mistakes")

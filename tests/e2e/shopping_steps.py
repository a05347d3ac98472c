"""What shoppers do, step by step, with or without JavaScript."""

import os
from pathlib import Path

from playwright.sync_api import Page, expect

GOOD_CARD = "heron"
EMPTY_CARD = "kingfisher"
WANTED = "HEADWATER_SCREENSHOTS" in os.environ


def find(page: Page, words: str) -> None:
    """Search by the box at the top."""
    page.goto("/")
    page.get_by_label("Search for products").fill(words)
    page.get_by_role("button", name="Search").click()


def put_into_cart(page: Page, stock_code: str, quantity: int = 1) -> None:
    """Put a product into the cart from its page."""
    page.goto(f"/products/{stock_code}")
    page.get_by_label("Quantity").fill(str(quantity))
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("status")).to_contain_text("In your cart")


def fill_in(page: Page, *, card: str = GOOD_CARD, email: str = "ada@example.org") -> None:
    """Fill in the checkout form."""
    page.get_by_label("Full name").fill("Ada Brook")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Street and number").fill("7 Mill Lane")
    page.get_by_label("Town or city").fill("Millbridge")
    page.get_by_label("Postcode").fill("MB1 2GE")
    page.get_by_label("Country").select_option(label="Ireland")
    page.locator(f"input[name=card][value={card}]").check()


def place_order(page: Page, *, card: str = GOOD_CARD) -> str:
    """Check out what is in the cart; the order's number."""
    page.goto("/checkout")
    fill_in(page, card=card)
    page.get_by_role("button", name="Place the order").click()
    return page.get_by_test_id("order-number").inner_text()


def some_product(page: Page, at: int = 0) -> str:
    """The stock code of a product that can be bought: the best seller, or another one."""
    page.goto("/search")
    address = page.locator(".tile:not(.gone) a").nth(at).get_attribute("href") or ""
    return address.rpartition("/")[2]


def photograph(page: Page, folder: Path, name: str) -> None:
    """A picture of the whole page, where they are wanted: taking one is long work. Its pictures must load anyway."""
    # Not wait_for_function: that one evaluates text, which our content security policy forbids.
    page.evaluate("Promise.all([...document.images].map((each) => { each.loading = 'eager'; return each.decode() }))")
    if WANTED:
        page.screenshot(path=folder / f"{name}.png", full_page=True)


NOTING = """
addEventListener("DOMContentLoaded", () => {
  window.statuses = []
  const note = () => {
    const status = document.querySelector("[data-status]")?.dataset.status
    if (status && status !== window.statuses.at(-1)) window.statuses.push(status)
  }
  note()
  new MutationObserver(note).observe(document, {childList: true, subtree: true})
})
"""


def note_statuses(page: Page) -> None:
    """From its next page on, each window lists in `window.statuses` the order's statuses as they are shown."""
    page.add_init_script(NOTING)

"""The cart: putting things in, changing quantities, taking things out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headwater.errors import Rejected
from headwater_shop.contract import Item
from headwater_shop.domain.cart import MAX_QUANTITY
from headwater_shop.domain.clicks import AddedToCart
from headwater_shop.domain.shared import Line
from headwater_shop.web.browsing import listed, product_page
from headwater_shop.web.forms import whole
from headwater_shop.web.page import Visit, page, see_other, submitted, visit
from headwater_shop.web.words import gbp, title

NOTICES: Final = {
    "removed": "Taken out of your cart.",
    "changed": "Your cart is up to date.",
    "check": "Something has changed since you put it in. Please look through your cart before you order.",
}


class CartLine(msgspec.Struct, frozen=True):
    """A line of the cart beside what the shop has now. `problem` says why it cannot be ordered as it is."""

    line: Line
    available: int
    price: Decimal
    problem: str = ""

    @property
    def repriced(self) -> bool:
        return bool(self.price) and self.price != self.line.unit_price


async def show(request: Request) -> Response:
    """GET /cart"""
    return await cart_page(await visit(request))


async def cart_page(coming: Visit, *, status: int = 200, problem: str = "") -> Response:
    lines = await cart_lines(coming)
    notice = NOTICES.get(coming.params.get("note", ""), "")
    if not any(line.problem for line in lines) and coming.params.get("note") == "check":
        notice = ""
    return await page(coming, "cart.html", status=status, lines=lines, problem=problem, notice=notice)


async def cart_lines(coming: Visit) -> list[CartLine]:
    """The cart's lines, checked against catalogue and stock."""
    codes = [line.stock_code for line in coming.cart.lines]
    known = await coming.backend.products(codes, coming.after) if codes else {}
    return [_checked(line, known) for line in coming.cart.lines]


def _checked(line: Line, known: Mapping[str, Item]) -> CartLine:
    item = known.get(line.stock_code)
    if item is None:
        return CartLine(line, 0, Decimal(0), "We do not sell this any more.")
    left = max(item.available or 0, 0)
    if item.price != line.unit_price:
        return CartLine(line, left, item.price, f"The price is now {gbp(item.price)}.")
    return CartLine(line, left, item.price, _shortage(line.quantity, left))


def _shortage(wanted: int, left: int) -> str:
    if left == 0:
        return "This has just sold out."
    return f"Only {left:,} left." if wanted > left else ""


async def add(request: Request) -> Response:
    """POST /cart/items: stock_code, quantity."""
    coming, fields = await submitted(request)
    item = await listed(coming, fields.get("stock_code", ""))
    quantity = whole(fields.get("quantity", ""), 0, 0, MAX_QUANTITY + 1)
    if refusal := _refusal(coming, item, quantity):
        return await product_page(coming, item, status=422, problem=refusal)
    try:
        position = await coming.backend.add(coming.shopper, Line(item.stock_code, item.name, quantity, item.price))
    except Rejected as no:
        return await product_page(coming, item, status=422, problem=sentence(no))
    coming.click(AddedToCart(item.stock_code, quantity, coming.shop.now()))
    return see_other(coming, f"/products/{quote(item.stock_code, safe='')}?added=1", position=position)


def _refusal(coming: Visit, item: Item, quantity: int) -> str:
    """Why so many cannot go into the cart."""
    if quantity < 1:
        return "Please say how many you would like, from 1 up."
    before = next((line.quantity for line in coming.cart.lines if line.stock_code == item.stock_code), 0)
    left = max(item.available or 0, 0)
    if left == 0:
        return f"{title(item.name)} is sold out, sorry."
    if before + quantity > left:
        having = f", and {before:,} of them are in your cart" if before else ""
        return f"We have only {left:,} of these{having}."
    return ""


async def change(request: Request) -> Response:
    """POST /cart/lines: stock_code, and what to do: 'set' a quantity, 'remove' it, or take the new 'price'."""
    coming, fields = await submitted(request)
    code = fields.get("stock_code", "")
    line = next((line for line in coming.cart.lines if line.stock_code == code), None)
    if line is None:
        return see_other(coming, "/cart")
    quantity = whole(fields.get("quantity", ""), line.quantity, 0, MAX_QUANTITY + 1)
    removing = fields.get("do") == "remove" or quantity == 0
    try:
        if fields.get("do") == "price":
            position = await _reprice(coming, line)
        else:
            position = await coming.backend.change(coming.shopper, code, 0 if removing else quantity)
    except Rejected as no:
        return await cart_page(coming, status=422, problem=sentence(no))
    return see_other(coming, f"/cart?note={'removed' if removing else 'changed'}", position=position)


async def _reprice(coming: Visit, line: Line) -> int:
    """Take the thing out and put it in again, at today's price."""
    item = await listed(coming, line.stock_code)
    await coming.backend.change(coming.shopper, line.stock_code, 0)
    return await coming.backend.add(coming.shopper, Line(item.stock_code, item.name, line.quantity, item.price))


def sentence(no: Rejected) -> str:
    """The domain's reason as a sentence."""
    return no.reason[:1].upper() + no.reason[1:] + "."

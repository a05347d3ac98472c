"""The cart: putting things in, changing quantities, taking things out."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headwater.errors import Rejected
from headwater_shop.domain.cart import MAX_QUANTITY, AddItem, ChangeQuantity, RemoveItem
from headwater_shop.domain.shared import Line
from headwater_shop.event_driven.views import ProductCard, product_card
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
    where = {"stock_code": codes}
    cards = await coming.runtime.find(product_card, where=where, limit=len(codes), after=coming.after) if codes else []
    known = {card.stock_code: card for card in cards}
    return [_checked(line, known) for line in coming.cart.lines]


def _checked(line: Line, known: Mapping[str, ProductCard]) -> CartLine:
    card = known.get(line.stock_code)
    if card is None or not card.listed:
        return CartLine(line, 0, Decimal(0), "We do not sell this any more.")
    left = max(card.available or 0, 0)
    if card.price != line.unit_price:
        return CartLine(line, left, card.price, f"The price is now {gbp(card.price)}.")
    return CartLine(line, left, card.price, _shortage(line.quantity, left))


def _shortage(wanted: int, left: int) -> str:
    if left == 0:
        return "This has just sold out."
    return f"Only {left:,} left." if wanted > left else ""


async def add(request: Request) -> Response:
    """POST /cart/items: stock_code, quantity."""
    coming, fields = await submitted(request)
    card = await listed(coming, fields.get("stock_code", ""))
    quantity = whole(fields.get("quantity", ""), 0, 0, MAX_QUANTITY + 1)
    if refusal := _refusal(coming, card, quantity):
        return await product_page(coming, card.stock_code, status=422, problem=refusal)
    command = AddItem(coming.shopper.cart_id, card.stock_code, card.name, card.price, quantity, coming.shop.now())
    try:
        done = await coming.runtime.execute(command)
    except Rejected as no:
        return await product_page(coming, card.stock_code, status=422, problem=sentence(no))
    return see_other(coming, f"/products/{quote(card.stock_code, safe='')}?added=1", position=done.position)


def _refusal(coming: Visit, card: ProductCard, quantity: int) -> str:
    """Why so many cannot go into the cart."""
    if quantity < 1:
        return "Please say how many you would like, from 1 up."
    before = next((line.quantity for line in coming.cart.lines if line.stock_code == card.stock_code), 0)
    left = max(card.available or 0, 0)
    if left == 0:
        return f"{title(card.name)} is sold out, sorry."
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
        repricing = fields.get("do") == "price"
        position = await (_reprice(coming, line) if repricing else _set(coming, line, 0 if removing else quantity))
    except Rejected as no:
        return await cart_page(coming, status=422, problem=sentence(no))
    return see_other(coming, f"/cart?note={'removed' if removing else 'changed'}", position=position)


async def _set(coming: Visit, line: Line, quantity: int) -> int:
    command = ChangeQuantity(coming.shopper.cart_id, line.stock_code, quantity, coming.shop.now())
    return (await coming.runtime.execute(command)).position


async def _reprice(coming: Visit, line: Line) -> int:
    """Take the thing out and put it in again, at today's price."""
    cart_id, at = coming.shopper.cart_id, coming.shop.now()
    card = await listed(coming, line.stock_code)
    await coming.runtime.execute(RemoveItem(cart_id, line.stock_code, at))
    again = AddItem(cart_id, card.stock_code, card.name, card.price, line.quantity, at)
    return (await coming.runtime.execute(again)).position


def sentence(no: Rejected) -> str:
    """The domain's reason as a sentence."""
    return no.reason[:1].upper() + no.reason[1:] + "."

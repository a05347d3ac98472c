"""Checkout: who the customer is, where the parcel goes, and with which simulated card it is paid."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from headwater.errors import Rejected
from headwater_shop.contract import Checkout, Customer
from headwater_shop.domain.shared import Address
from headwater_shop.web.basket import cart_lines, cart_page, sentence
from headwater_shop.web.cards import Card, card_of
from headwater_shop.web.forms import Fields
from headwater_shop.web.page import Visit, page, see_other, submitted, visit
from headwater_shop.web.session import order_number

COUNTRIES: Final = (
    "United Kingdom", "Australia", "Austria", "Belgium", "Canada", "Channel Islands", "Cyprus", "Czech Republic",
    "Denmark", "EIRE", "Finland", "France", "Germany", "Greece", "Hong Kong", "Iceland", "Israel", "Italy", "Japan",
    "Lithuania", "Malta", "Netherlands", "Norway", "Poland", "Portugal", "Singapore", "Spain", "Sweden", "Switzerland",
    "USA",
)  # fmt: skip

# Field, its longest value, and what to say when it is empty.
_TEXTS: Final = (
    ("name", 100, "Please tell us your name."),
    ("email", 200, "Please give an e-mail address."),
    ("street", 200, "Please give a street and number."),
    ("city", 100, "Please give a town or city."),
    ("postcode", 20, "Please give a postcode."),
)


async def show(request: Request) -> Response:
    """GET /checkout"""
    coming = await visit(request)
    if not coming.cart.lines:
        return see_other(coming, "/cart")
    if any(line.problem for line in await cart_lines(coming)):
        return see_other(coming, "/cart?note=check")
    return await _form(coming, await _known(coming), {})


async def _known(coming: Visit) -> Fields:
    """What the shopper told us before."""
    customer = await coming.backend.customer(coming.shopper.customer_id, coming.after)
    if customer is None:
        return {}
    where = customer.address
    known = {"street": where.street, "city": where.city, "postcode": where.postcode, "country": where.country}
    return {"name": customer.name, "email": customer.email, **known}


async def _form(coming: Visit, values: Fields, errors: Mapping[str, str], status: int = 200) -> Response:
    return await page(coming, "checkout.html", status=status, values=values, errors=errors, countries=COUNTRIES)


async def submit(request: Request) -> Response:
    """POST /checkout"""
    coming, fields = await submitted(request)
    if not coming.cart.lines:  # most likely sent twice: the first time has made an order of the cart
        return see_other(coming, "/orders" if coming.shopper.carts else "/cart")
    errors = check(fields)
    card = card_of(fields.get("card", ""))
    if errors or card is None:
        return await _form(coming, fields, errors, 422)
    if any(line.problem for line in await cart_lines(coming)):
        return see_other(coming, "/cart?note=check")
    return await _order(coming, fields, card)


def check(fields: Fields) -> dict[str, str]:
    """What is wrong with the form, by field."""
    errors = {name: empty for name, _, empty in _TEXTS if not fields.get(name)}
    errors |= {
        name: f"That is longer than {longest} characters."
        for name, longest, _ in _TEXTS
        if len(fields.get(name, "")) > longest
    }
    local, at, host = fields.get("email", "").partition("@")
    if "email" not in errors and not (local and at and "." in host.strip(".") and " " not in local + host):
        errors["email"] = "This does not look like an e-mail address."
    if fields.get("country") not in COUNTRIES:
        errors["country"] = "Please choose a country."
    if card_of(fields.get("card", "")) is None:
        errors["card"] = "Please choose a card."
    return errors


async def _order(coming: Visit, fields: Fields, card: Card) -> Response:
    shopper, lines = coming.shopper, coming.cart.lines
    address = Address(fields["street"], fields["city"], fields["postcode"], fields["country"])
    order_id = order_number(shopper.cart_id)
    try:
        await coming.backend.put_customer(Customer(shopper.customer_id, fields["name"], fields["email"], address))
        wanted = Checkout(shopper.customer_id, fields["name"], address, lines, card.id)
        position = await coming.backend.checkout(shopper, order_id, wanted)
    except Rejected as no:
        return await cart_page(coming, status=422, problem=sentence(no))
    leaving = Visit(coming.request, coming.shop, shopper.after_checkout(), coming.cart, coming.after)
    return see_other(leaving, f"/orders/{order_id}", position=position)

"""What all pages share: the shop they belong to, the frame around them, and how they answer."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from headwater.app import Runtime
from headwater.clock import to_datetime
from headwater.http.sse import EventStreams
from headwater_shop.event_driven.views import CartRow, cart_view
from headwater_shop.web import charts, shelf, words
from headwater_shop.web.cards import CARDS, CardDesk
from headwater_shop.web.forms import Fields, read_form
from headwater_shop.web.session import Shopper, note_position, remember, seen_position, shopper_of

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

SECURITY: Final = {
    "content-security-policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Shop(msgspec.Struct, frozen=True):
    """What the pages work with."""

    runtime: Runtime
    cards: CardDesk
    streams: EventStreams

    def now(self) -> datetime:
        return to_datetime(self.runtime.clock.now())


class Visit(msgspec.Struct, frozen=True):
    """A request to the shop: who comes, and how far their own writes reach."""

    request: Request
    shop: Shop
    shopper: Shopper
    cart: CartRow
    after: int

    @property
    def runtime(self) -> Runtime:
        return self.shop.runtime

    @property
    def params(self) -> dict[str, str]:
        """The address's own fields, without the spaces around them."""
        return {name: value.strip() for name, value in self.request.query_params.items()}


async def visit(request: Request) -> Visit:
    """Look up who comes with which cart."""
    shop: Shop = request.app.state.shop
    shopper = shopper_of(request)
    cart = await _cart(shop.runtime, shopper)
    while cart.order_id:  # the answer to their checkout never reached them
        shopper = shopper.after_checkout()
        cart = await _cart(shop.runtime, shopper)
    # A position that the store has not reached would only be waited for in vain.
    after = min(seen_position(request), await shop.runtime.store.head())
    return Visit(request, shop, shopper, cart, after)


async def _cart(runtime: Runtime, shopper: Shopper) -> CartRow:
    return await runtime.get(cart_view, shopper.cart_id) or CartRow(shopper.cart_id)


async def submitted(request: Request) -> tuple[Visit, Fields]:
    """A visit that posts a form of ours. Raises HTTPException when the form is not theirs."""
    fields = await read_form(request)
    coming = await visit(request)
    if not coming.shopper.owns_form(fields.get("token", "")):
        raise HTTPException(403, "This form is out of date. Please go back, load the page again and repeat it.")
    return coming, fields


async def page(coming: Visit, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of the shop."""
    frame = {
        "categories": await shelf.categories(coming.runtime),
        "cart": coming.cart,
        "shopper": coming.shopper,
        "words": coming.params.get("q", ""),
        "path": coming.request.url.path,
    }
    response = HTMLResponse(render(template, **frame | context), status, headers=SECURITY)
    remember(coming.request, response, coming.shopper)
    return response


def see_other(coming: Visit, address: str, *, position: int = 0) -> Response:
    """Send the browser on after a POST, to a page that waits for what was written."""
    response = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    remember(coming.request, response, coming.shopper)
    if position:
        note_position(response, position)
    return response


def render(template: str, **context: Any) -> str:
    """A template as text."""
    return _templates().get_template(template).render(**context)


@cache
def _templates() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        gbp=words.gbp, title=words.title, country=words.country, day=words.day, clock=words.clock, month=words.month
    )
    made.globals.update(
        asset=asset, plural=words.plural, sorts=shelf.SORTS, cards=CARDS, charts=charts, year=datetime.now(UTC).year
    )
    return made


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"

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
from headwater.clock import Clock, to_datetime
from headwater.http.sse import EventStreams
from headwater_shop.domain.clicks import Click
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.web import charts, words
from headwater_shop.web.backend import Backend, Cart, Who
from headwater_shop.web.cards import CARDS
from headwater_shop.web.forms import Fields, read_form
from headwater_shop.web.session import Shopper, note_position, remember, seen_position, shopper_of
from headwater_shop.web.switch import Switch
from headwater_shop.web.trends import Trends

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

SECURITY: Final = {
    "content-security-policy": "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


class Elsewhere(Exception):
    """Only the event-driven shop has this page."""


class Insight(msgspec.Struct, frozen=True):
    """What only the event-driven shop has: everything that was recorded, and what trends."""

    runtime: Runtime
    trends: Trends


class Shop(msgspec.Struct, frozen=True):
    """What the pages work with: `streams` of those who watch their orders, `watching` of those who watch what trends;
    without `clicks` nobody is told what shoppers look at, without `insight` there are no pages behind the counter."""

    backend: Backend
    clock: Clock
    switch: Switch
    streams: EventStreams
    watching: EventStreams
    insight: Insight | None = None
    clicks: Clicks | None = None

    def now(self) -> datetime:
        return to_datetime(self.clock.now())


class Visit(msgspec.Struct, frozen=True):
    """A request to the shop: who comes, and how far their own writes reach."""

    request: Request
    shop: Shop
    shopper: Shopper
    cart: Cart
    after: int

    @property
    def backend(self) -> Backend:
        return self.shop.backend

    @property
    def insight(self) -> Insight:
        """Raises Elsewhere where this shop has none."""
        if self.shop.insight is None:
            raise Elsewhere
        return self.shop.insight

    @property
    def who(self) -> Who:
        return Who(self.shopper, self.after)

    def click(self, click: Click) -> None:
        """Tell that they do this, and wait for nothing. Asking only for a page's head does nothing."""
        if self.shop.clicks is not None and self.request.method != "HEAD":
            self.shop.clicks.note(click, self.shopper.visitor_id)

    @property
    def params(self) -> dict[str, str]:
        """The address's own fields, without the spaces around them."""
        return {name: value.strip() for name, value in self.request.query_params.items()}


async def visit(request: Request) -> Visit:
    """Look up who comes with which cart."""
    shop: Shop = request.app.state.shop
    shopper = shopper_of(request, shop.switch.cookie)
    position = await shop.backend.reached(seen_position(request))
    cart = await shop.backend.cart(Who(shopper, position))
    while cart.order_id:  # the answer to their checkout never reached them
        shopper = shopper.after_checkout()
        cart = await shop.backend.cart(Who(shopper, position))
    return Visit(request, shop, shopper, cart, position)


async def submitted(request: Request) -> tuple[Visit, Fields]:
    """A visit that posts a form of ours. Raises HTTPException when the form is not theirs."""
    fields = await read_form(request)
    coming = await visit(request)
    if not coming.shopper.owns_form(fields.get("token", "")):
        raise HTTPException(403, "This form is out of date. Please go back, load the page again and repeat it.")
    return coming, fields


async def page(coming: Visit, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of the shop."""
    return _page(coming, template, status, {"categories": await coming.backend.categories()} | context)


def lonely_page(request: Request, template: str, *, status: int, **context: Any) -> Response:
    """A page that asks nobody anything: for when nobody answers."""
    shop: Shop = request.app.state.shop
    coming = Visit(request, shop, shopper_of(request, shop.switch.cookie), Cart(), 0)
    return _page(coming, template, status, {"categories": ()} | context)


def _page(coming: Visit, template: str, status: int, context: dict[str, Any]) -> Response:
    frame = {
        "cart": coming.cart,
        "shopper": coming.shopper,
        "words": coming.params.get("q", ""),
        "path": coming.request.url.path,
        "insight": coming.shop.insight is not None,
        "switch": coming.shop.switch,
        "choices": coming.shop.switch.choices(coming.request.scope["path"], coming.request.url.query),
    }
    response = HTMLResponse(render(template, **frame | context), status, headers=SECURITY)
    remember(coming.request, response, coming.shopper, coming.shop.switch.cookie)
    return response


def see_other(coming: Visit, address: str, *, position: int = 0) -> Response:
    """Send the browser on after a POST, to a page that waits for what was written."""
    response = RedirectResponse(address, 303, headers={"cache-control": "no-store"})
    remember(coming.request, response, coming.shopper, coming.shop.switch.cookie)
    if position:
        note_position(response, position)
    return response


def render(template: str, **context: Any) -> str:
    """A template as text."""
    return _templates().get_template(template).render(**context)


def sse(name: str, data: str) -> bytes:
    """A server-sent event."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"event: {name}\n{lines}\n".encode()


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
        gbp=words.gbp,
        title=words.title,
        country=words.country,
        day=words.day,
        clock=words.clock,
        month=words.month,
        stock=words.stock,
    )
    made.globals.update(asset=asset, plural=words.plural, cards=CARDS, charts=charts, year=datetime.now(UTC).year)
    return made


@cache
def asset(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"

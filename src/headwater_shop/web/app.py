"""The Shop UI as an ASGI application: its routes, its errors, and the API beside it."""

import logging
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from headwater.app import Runtime
from headwater.errors import BadInput, NotYetVisible, Overloaded, Rejected, StoreError
from headwater.http import Limits, http_app
from headwater.http.sse import EventStreams
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.web import basket, browsing, checkout, sales, story, tracking
from headwater_shop.web.cards import CardDesk
from headwater_shop.web.page import SECURITY, STATIC, Shop, page, visit

log = logging.getLogger("headwater_shop.web")

_TITLES: Final = {
    400: "We did not understand that",
    403: "That did not work",
    404: "We cannot find that",
    405: "That did not work",
    413: "That was too much",
    503: "One moment, please",
}
_PHRASES: Final = frozenset(status.phrase for status in HTTPStatus)
_PLAIN: Final = {
    404: "There is no page at this address. Perhaps a letter went missing.",
    405: "This address is not for that.",
}
"""What to say where nobody gave a text of their own."""


def shop_ui(runtime: Runtime, cards: CardDesk | None = None) -> Starlette:
    """The shop's pages, with the application's HTTP API below /api.

    `cards` is the desk where shoppers pick a simulated card; give the one that the application's payment gateway is,
    or every card goes through. The runtime must be open for as long as this is served.
    """
    handlers: dict[Any, Any] = {HTTPException: _refused, Exception: _failed}
    handlers |= dict.fromkeys((Rejected, BadInput, NotYetVisible, Overloaded, StoreError), _failed)
    app = Starlette(routes=_routes(runtime), exception_handlers=handlers)
    app.state.shop = Shop(runtime, cards or CardDesk(PaymentDouble()), EventStreams(Limits()))
    return app


def _routes(runtime: Runtime) -> list[Route | Mount]:
    return [
        Route("/", browsing.home),
        Route("/search", browsing.search),
        Route("/products/{stock_code:path}", browsing.product),
        Route("/pictures/{stock_code:path}.svg", browsing.drawn),
        Route("/cart", basket.show),
        Route("/cart/items", basket.add, methods=["POST"]),
        Route("/cart/lines", basket.change, methods=["POST"]),
        Route("/checkout", checkout.show),
        Route("/checkout", checkout.submit, methods=["POST"]),
        Route("/orders", tracking.mine),
        Route("/orders/{order_id}", tracking.show),
        Route("/orders/{order_id}", tracking.act, methods=["POST"]),
        Route("/orders/{order_id}/live", Live(), methods=["GET"]),
        Route("/orders/{order_id}/story", story.show),
        Route("/customers/{customer_id}", tracking.customer),
        Route("/report", sales.show),
        Route("/robots.txt", _robots),
        Mount("/static", Static(directory=STATIC)),
        Mount("/api", http_app(runtime)),
    ]


class Live:
    """The live status as an ASGI application: it writes its response itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await tracking.live(scope, receive, send)


class Static(StaticFiles):
    """Files whose addresses change with their content: browsers may keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


async def _robots(_request: Request) -> Response:
    return PlainTextResponse("User-agent: *\nDisallow: /orders\nDisallow: /customers\n")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = _PLAIN.get(error.status_code, error.detail) if error.detail in _PHRASES else error.detail
    return await _message(request, error.status_code, text)


async def _failed(request: Request, error: Exception) -> Response:
    """What no page has an answer to."""
    if isinstance(error, Rejected):
        return await _message(request, 422, error.reason)
    if isinstance(error, BadInput):
        return await _message(request, 400, "Part of the address or the form makes no sense to us.")
    if isinstance(error, NotYetVisible | Overloaded | StoreError):
        log.warning("a page was not ready: %s", error)
        return await _message(request, 503, "We are catching up. Please load the page again in a moment.")
    return PlainTextResponse("Something went wrong here; it has been noted.", 500, headers=SECURITY)


async def _message(request: Request, status: int, text: str) -> Response:
    try:
        coming = await visit(request)
        return await page(
            coming, "message.html", status=status, title=_TITLES.get(status, "That did not work"), text=text
        )
    except StoreError:
        return PlainTextResponse(text, status, headers=SECURITY)

"""The Shop UI as an ASGI application: its routes, its errors, and the API beside it."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.app import Runtime
from headwater.clock import SystemClock
from headwater.errors import BadInput, NotYetVisible, Overloaded, Rejected, StoreError
from headwater.http import Limits, http_app
from headwater.http.sse import EventStreams
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.vault import Cards
from headwater_shop.web import basket, browsing, checkout, sales, story, tracking, trending
from headwater_shop.web.backend import Backend, NoAnswer
from headwater_shop.web.cards import CardDesk
from headwater_shop.web.on_runtime import OnRuntime
from headwater_shop.web.page import SECURITY, STATIC, Elsewhere, Insight, Shop, lonely_page, page, visit
from headwater_shop.web.switch import EVENT_DRIVEN, Switch
from headwater_shop.web.trends import Trends

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

LATER: Final = "A part of our shop does not answer right now. Nothing is lost: please load the page again in a moment."
UNSURE: Final = (
    "A part of our shop did not answer in time, so we cannot say yet whether that was done. Look at your orders in a "
    "moment; if it is not there, send the form again. It will count once."
)


def shop_ui(
    runtime: Runtime, cards: Cards | None = None, clicks: Clicks | None = None, others: Mapping[str, str] | None = None
) -> Starlette:
    """The event-driven shop's pages, with the application's HTTP API below /api.

    `cards` is the desk where shoppers pick a simulated card; give the one that the application's payment gateway is,
    or every card goes through; `clicks` are told what shoppers do, where there are any; `others` are the addresses of
    shops that are built in other ways, by their architectures' titles. The runtime must be open for as long as this is
    served.
    """
    shop = Shop(
        OnRuntime(runtime, cards or CardDesk(PaymentDouble())), runtime.clock, Switch(EVENT_DRIVEN, others or {}),
        EventStreams(Limits()), EventStreams(Limits()), Insight(runtime, Trends(runtime)), clicks,
    )  # fmt: skip
    return _app(shop, [Mount("/api", http_app(runtime))])


def contract_ui(backend: Backend, architecture: str, others: Mapping[str, str]) -> Starlette:
    """The same pages over another backend, such as `on_contract` opens; to be mounted beside the contract's routes.

    `architecture` is the title of what answers, such as `point_to_point/naive`; `others` are the addresses of shops
    that are built in other ways, by their titles. What only the event-driven shop can show says so.
    """
    switch = Switch(architecture, others)
    return _app(Shop(backend, SystemClock(), switch, EventStreams(Limits()), EventStreams(Limits())), [])


def _app(shop: Shop, more: list[Mount]) -> Starlette:
    handlers: dict[Any, Any] = {HTTPException: _refused, Exception: _failed, Elsewhere: _elsewhere}
    handlers |= dict.fromkeys((Rejected, BadInput, NotYetVisible, Overloaded, StoreError, NoAnswer), _failed)
    app = Starlette(routes=[*_routes(), *more], exception_handlers=handlers)
    app.state.shop = shop
    return app


def _routes() -> list[Route | Mount]:
    return [
        Route("/", browsing.home),
        Route("/trending", trending.show),
        Route("/trending/live", Live(trending.live), methods=["GET"]),
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
        Route("/orders/{order_id}/live", Live(tracking.live), methods=["GET"]),
        Route("/orders/{order_id}/story", story.show),
        Route("/customers/{customer_id}", tracking.customer),
        Route("/report", sales.show),
        Route("/robots.txt", _robots),
        Mount("/static", Static(directory=STATIC)),
    ]


class Live:
    """Live updates as an ASGI application: it writes its response itself."""

    def __init__(self, serve: ASGIApp) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send)


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
    if isinstance(error, NoAnswer):
        log.warning("a page was not ready: %s", error)
        return _alone(request, 503, UNSURE if error.changed else LATER)
    if isinstance(error, NotYetVisible | Overloaded | StoreError):
        log.warning("a page was not ready: %s", error)
        return await _message(request, 503, "We are catching up. Please load the page again in a moment.")
    return PlainTextResponse("Something went wrong here; it has been noted.", 500, headers=SECURITY)


async def _elsewhere(request: Request, _error: Exception) -> Response:
    return await page(await visit(request), "elsewhere.html", status=404)


async def _message(request: Request, status: int, text: str) -> Response:
    try:
        return await page(await visit(request), "message.html", status=status, title=_title(status), text=text)
    except (StoreError, NoAnswer):
        return _alone(request, status, text)


def _alone(request: Request, status: int, text: str) -> Response:
    return lonely_page(request, "message.html", status=status, title=_title(status), text=text)


def _title(status: int) -> str:
    return _TITLES.get(status, "That did not work")

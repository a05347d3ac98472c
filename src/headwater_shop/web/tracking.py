"""Orders: where one stands, live without reloading, and what its customer can do about it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headwater.errors import Overloaded, Rejected
from headwater.http.sse import HEARTBEAT
from headwater_shop.web import timeline
from headwater_shop.web.backend import Order
from headwater_shop.web.basket import sentence
from headwater_shop.web.cards import card_of
from headwater_shop.web.forms import whole
from headwater_shop.web.page import Shop, Visit, page, render, see_other, sse, submitted, visit
from headwater_shop.web.session import Shopper

MAX_PAGE = 10_000


async def show(request: Request) -> Response:
    """GET /orders/{order_id}"""
    return await order_page(await visit(request), request.path_params["order_id"])


async def order_page(coming: Visit, order_id: str, *, status: int = 200, problem: str = "") -> Response:
    order = await found(coming, order_id)
    return await page(coming, "order.html", status=status, problem=problem, **_standing(order, coming.shopper))


async def found(coming: Visit, order_id: str) -> Order:
    """The order; one that has just been checked out is there even before it is placed. Raises HTTPException."""
    order = await coming.backend.order(coming.who, order_id)
    if order is None:
        raise HTTPException(404, "We know of no such order. Please check its number.")
    return order


def _standing(order: Order, shopper: Shopper) -> dict[str, object]:
    """What page and live updates show of an order, and to whom."""
    return {
        "order": order,
        "steps": timeline.steps(order),
        "headline": timeline.headline(order),
        "final": order.final,
        "mine": order.customer_id == shopper.customer_id,
        "letter_about": timeline.LETTER_ABOUT,
        "shopper": shopper,
    }


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """GET /orders/{order_id}/live: the order's status as HTML, again whenever it changes (SSE)."""
    request = Request(scope, receive)
    shop: Shop = request.app.state.shop
    coming = await visit(request)
    order = await found(coming, request.path_params["order_id"])
    try:
        await shop.streams.serve(scope, receive, send, _updates(shop, order.order_id, coming.shopper))
    except Overloaded as error:
        raise HTTPException(503, "Too many people are watching their orders right now.") from error


async def _updates(shop: Shop, order_id: str, shopper: Shopper) -> AsyncGenerator[bytes, None]:
    async with aclosing(shop.backend.changes(order_id)) as changes:
        async for order in changes:
            if order is None:
                yield HEARTBEAT
                continue
            yield sse("status", render("_status.html", **_standing(order, shopper)))
            if order.final:
                yield sse("end", order.status)


async def act(request: Request) -> Response:
    """POST /orders/{order_id}: 'retry' the payment with a card, or 'cancel' the order."""
    coming, fields = await submitted(request)
    order = await found(coming, request.path_params["order_id"])
    if order.customer_id != coming.shopper.customer_id:
        raise HTTPException(403, "Only the customer who placed this order can change it.")
    try:
        if fields.get("do") == "cancel":
            position = await coming.backend.cancel(order.order_id)
        else:
            position = await _pay(coming, order, fields.get("card", ""))
    except Rejected as no:
        return await order_page(coming, order.order_id, status=422, problem=sentence(no))
    return see_other(coming, f"/orders/{order.order_id}", position=position)


async def _pay(coming: Visit, order: Order, card: str) -> int:
    if card_of(card) is None:
        raise Rejected("please choose a card to pay with", "card_missing")
    return await coming.backend.pay(order.order_id, card)


async def mine(request: Request) -> Response:
    """GET /orders: the orders of the shopper."""
    coming = await visit(request)
    return await _orders_of(coming, coming.shopper.customer_id, mine=True)


async def customer(request: Request) -> Response:
    """GET /customers/{customer_id}: the orders of any customer, for the back office."""
    return await _orders_of(await visit(request), request.path_params["customer_id"], mine=False)


async def _orders_of(coming: Visit, customer_id: str, *, mine: bool) -> Response:
    number = whole(coming.params.get("page", ""), 1, 1, MAX_PAGE)
    who = await coming.backend.customer(customer_id, coming.after)
    orders = await coming.backend.orders_of(customer_id, number, coming.after)
    if not mine and who is None and not orders.total:
        raise HTTPException(404, "We know of no such customer.")
    return await page(
        coming, "orders.html", found=orders, orders=orders.orders, customer=who, customer_id=customer_id, mine=mine,
        names=timeline.NAMES,
    )  # fmt: skip

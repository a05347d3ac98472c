"""Orders: where one stands, live without reloading, and what its customer can do about it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headwater.errors import Overloaded, Rejected
from headwater.http.sse import HEARTBEAT
from headwater.messages import query
from headwater.store.subscription import subscribe
from headwater_shop.domain.order import CancelOrder, RetryPayment
from headwater_shop.event_driven.views import OrderStatus, OrderSummary, cart_view, customer_view, order_summary
from headwater_shop.web import timeline
from headwater_shop.web.basket import sentence
from headwater_shop.web.cards import card_of
from headwater_shop.web.forms import whole
from headwater_shop.web.page import Shop, Visit, page, render, see_other, submitted, visit
from headwater_shop.web.session import Shopper, order_number, shopper_of

PAGE: Final = 20
CHANGES: Final = query(
    "order.placed", "order.payment_due", "order.payment_failed", "order.paid", "order.dispatched", "order.cancelled",
    "order.returned",
)  # fmt: skip
FINAL: Final[tuple[OrderStatus, ...]] = ("dispatched", "cancelled", "returned", "imported")
_SILENCE: Final = 15.0  # seconds without a change after which a comment is sent, so that nobody closes the connection


async def show(request: Request) -> Response:
    """GET /orders/{order_id}"""
    return await order_page(await visit(request), request.path_params["order_id"])


async def order_page(coming: Visit, order_id: str, *, status: int = 200, problem: str = "") -> Response:
    order = await found(coming, order_id)
    return await page(coming, "order.html", status=status, problem=problem, **_standing(order, coming.shopper))


async def found(coming: Visit, order_id: str) -> OrderSummary:
    """The order; one that has just been checked out is there even before it is placed. Raises HTTPException."""
    order = await coming.runtime.get(order_summary, order_id, after=coming.after)
    if order is None:
        order = await _just_checked_out(coming, order_id)
    if order is None:
        raise HTTPException(404, "We know of no such order. Please check its number.")
    return order


async def _just_checked_out(coming: Visit, order_id: str) -> OrderSummary | None:
    """The order that the shopper's last cart is about to become."""
    shopper = coming.shopper
    if not shopper.carts or order_id != order_number(last := shopper.cart(shopper.carts - 1)):
        return None
    cart = await coming.runtime.get(cart_view, last)
    customer = await coming.runtime.get(customer_view, shopper.customer_id)
    if cart is None or customer is None:
        return None
    return OrderSummary(
        order_id, shopper.customer_id, customer.name, lines=cart.lines, total=cart.total, address=customer.address
    )


def _standing(order: OrderSummary, shopper: Shopper) -> dict[str, object]:
    """What page and live updates show of an order, and to whom."""
    return {
        "order": order,
        "steps": timeline.steps(order),
        "headline": timeline.headline(order),
        "final": order.status in FINAL,
        "mine": order.customer_id == shopper.customer_id,
        "shopper": shopper,
    }


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """GET /orders/{order_id}/live: the order's status as HTML, again whenever it changes (SSE)."""
    request = Request(scope, receive)
    shop: Shop = request.app.state.shop
    coming = await visit(request)
    order = await found(coming, request.path_params["order_id"])
    try:
        await shop.streams.serve(scope, receive, send, _updates(shop, order.order_id, shopper_of(request)))
    except Overloaded as error:
        raise HTTPException(503, "Too many people are watching their orders right now.") from error


async def _updates(shop: Shop, order_id: str, shopper: Shopper) -> AsyncGenerator[bytes, None]:
    position = await shop.runtime.store.head()
    order = await shop.runtime.get(order_summary, order_id, after=position) or OrderSummary(order_id)
    yield _event("status", render("_status.html", **_standing(order, shopper)))
    if order.status in FINAL:
        yield _event("end", order.status)
        return
    async with aclosing(subscribe(shop.runtime.store, CHANGES, after=position, idle=_SILENCE)) as pages:
        async for read in pages:
            mine = [event for event in read.events if event.stream == f"order-{order_id}"]
            if not mine:
                yield HEARTBEAT
                continue
            order = await shop.runtime.get(order_summary, order_id, after=mine[-1].position) or order
            yield _event("status", render("_status.html", **_standing(order, shopper)))
            if order.status in FINAL:
                yield _event("end", order.status)
                return


def _event(name: str, data: str) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    return f"event: {name}\n{lines}\n".encode()


async def act(request: Request) -> Response:
    """POST /orders/{order_id}: 'retry' the payment with a card, or 'cancel' the order."""
    coming, fields = await submitted(request)
    order = await found(coming, request.path_params["order_id"])
    if order.customer_id != coming.shopper.customer_id:
        raise HTTPException(403, "Only the customer who placed this order can change it.")
    try:
        if fields.get("do") == "cancel":
            position = await _cancel(coming, order)
        else:
            position = await _retry(coming, order, fields.get("card", ""))
    except Rejected as no:
        return await order_page(coming, order.order_id, status=422, problem=sentence(no))
    return see_other(coming, f"/orders/{order.order_id}", position=position)


async def _cancel(coming: Visit, order: OrderSummary) -> int:
    command = CancelOrder(order.order_id, timeline.CUSTOMERS_WISH, coming.shop.now())
    return (await coming.runtime.execute(command)).position


async def _retry(coming: Visit, order: OrderSummary, card_id: str) -> int:
    card = card_of(card_id)
    if card is None:
        raise Rejected("please choose a card to pay with", "card_missing")
    coming.shop.cards.pick(order.order_id, card)
    return (await coming.runtime.execute(RetryPayment(order.order_id, coming.shop.now()))).position


async def mine(request: Request) -> Response:
    """GET /orders: the orders of the shopper."""
    coming = await visit(request)
    return await _orders_of(coming, coming.shopper.customer_id, mine=True)


async def customer(request: Request) -> Response:
    """GET /customers/{customer_id}: the orders of any customer, for the back office."""
    return await _orders_of(await visit(request), request.path_params["customer_id"], mine=False)


async def _orders_of(coming: Visit, customer_id: str, *, mine: bool) -> Response:
    where = {"customer_id": customer_id}
    who = await coming.runtime.get(customer_view, customer_id, after=coming.after)
    total = await coming.runtime.count(order_summary, where=where, after=coming.after)
    if not mine and who is None and not total:
        raise HTTPException(404, "We know of no such customer.")
    pages = max(1, -(-total // PAGE))
    number = min(whole(coming.params.get("page", ""), 1, 1, 10_000), pages)
    orders = await coming.runtime.find(
        order_summary, where=where, order_by=("-placed_at", "order_id"), limit=PAGE, offset=(number - 1) * PAGE,
        after=coming.after,
    )  # fmt: skip
    return await page(
        coming, "orders.html", orders=orders, customer=who, customer_id=customer_id, mine=mine, total=total,
        number=number, pages=pages, names=timeline.NAMES,
    )  # fmt: skip

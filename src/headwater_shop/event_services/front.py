"""The contract over the event-driven shop: commands are recorded and answered; what follows from them, others do."""

from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.routing import Route

from headwater.app import Runtime
from headwater.clock import to_datetime
from headwater.errors import BadInput, Rejected
from headwater.messages import Metadata
from headwater_shop.contract import PREFIX, Checkout, Customer, Item, NewCustomer, PlacedOrder
from headwater_shop.domain.customer import ChangeAddress, ChangeDetails, RegisterCustomer
from headwater_shop.domain.order import CUSTOMERS_WISH, CancelOrder, PlaceOrder, RetryPayment
from headwater_shop.event_driven.vault import Cards
from headwater_shop.event_driven.views import customer_view, order_summary, product_card
from headwater_shop.event_services.standing import just_placed, order_as_it_stands, placed_order
from headwater_shop.parts.answering import Answer, Asked, missing, route
from headwater_shop.web import shelf
from headwater_shop.web.cards import card_of

NAME: Final = "event_driven"
ORDERS: Final = 100  # of a customer, the newest
MAX_PAGE: Final = 1_000_000


def contract_routes(runtime: Runtime, cards: Cards) -> list[Route]:
    """The contract's addresses over a runtime, whose workers may be anywhere; `cards` learns which card pays."""
    front = Front(runtime, cards)
    return [
        route("GET", f"{PREFIX}/categories", front.categories),
        route("GET", f"{PREFIX}/products", front.search),
        route("GET", f"{PREFIX}/products/{{stock_code:path}}", front.product),
        route("PUT", f"{PREFIX}/customers/{{customer_id}}", front.put_customer),
        route("GET", f"{PREFIX}/customers/{{customer_id}}", front.customer),
        route("GET", f"{PREFIX}/customers/{{customer_id}}/orders", front.orders_of),
        route("PUT", f"{PREFIX}/orders/{{order_id}}", front.place),
        route("GET", f"{PREFIX}/orders/{{order_id}}", front.order),
        route("POST", f"{PREFIX}/orders/{{order_id}}/cancel", front.cancel),
        route("POST", f"{PREFIX}/orders/{{order_id}}/pay", front.pay),
        route("GET", f"{PREFIX}/health", front.health),
    ]


class Picked(msgspec.Struct, frozen=True):
    """The card to pay with."""

    card: str


class Front:
    """What each address does."""

    def __init__(self, runtime: Runtime, cards: Cards) -> None:
        self._runtime = runtime
        self._cards = cards

    async def health(self, _asked: Asked) -> Answer:
        return 200, {"architecture": NAME}

    # -- what there is to buy

    async def categories(self, _asked: Asked) -> Answer:
        return 200, await shelf.categories(self._runtime)

    async def search(self, asked: Asked) -> Answer:
        words, category = asked.query.get("words", ""), asked.query.get("category", "")
        sort, page = asked.query.get("sort", "popular"), _page(asked.query.get("page", "1"))
        if sort not in shelf.SORTS:
            raise BadInput(f"sort {sort!r}: give one of {', '.join(shelf.SORTS)}")
        found = await shelf.search(self._runtime, words=words, category=category, sort=sort, page=page)
        return 200, found

    async def product(self, asked: Asked) -> Answer:
        code = asked.path["stock_code"]
        card = await self._runtime.get(product_card, code)
        if card is None or not card.listed:
            raise missing("product", code)
        return 200, Item(card.stock_code, card.name, card.category, card.price, card.available, card.sold)

    # -- customers

    async def put_customer(self, asked: Asked) -> Answer:
        id, new, at = asked.path["customer_id"], asked.content(NewCustomer), self._now()
        try:
            await self._do(RegisterCustomer(id, new.name, new.email, at, new.address))
        except Rejected as no:
            if no.code != "already_registered":
                raise
            await self._do(ChangeDetails(id, new.name, new.email, at))
            await self._do(ChangeAddress(id, new.address, at))
        return 200, Customer(id, new.name, new.email, new.address)

    async def customer(self, asked: Asked) -> Answer:
        id = asked.path["customer_id"]
        row = await self._runtime.get(customer_view, id)
        if row is None or not row.name:
            raise missing("customer", id)
        return 200, Customer(id, row.name, row.email, row.address)

    async def orders_of(self, asked: Asked) -> Answer:
        where = {"customer_id": asked.path["customer_id"], "origin": "shop"}
        rows = await self._runtime.find(order_summary, where=where, order_by=("-placed_at", "order_id"), limit=ORDERS)
        return 200, [placed_order(row) for row in rows]

    # -- orders

    async def place(self, asked: Asked) -> Answer:
        """Recorded, and with it for certain that it will be dealt with. Asked again: the order as it stands."""
        id, wanted = asked.path["order_id"], asked.content(Checkout)
        await self._pick(id, wanted.card)
        order = PlaceOrder(
            id, wanted.customer_id, wanted.customer_name, wanted.address, wanted.lines, self._now()
        )  # fmt: skip
        try:
            done = await self._runtime.execute(order, metadata=Metadata(correlation_id=id))
        except Rejected as no:
            if no.code != "already_placed":
                raise
            return _answer(await self._standing(id))
        return _answer(just_placed(done.events[0]))

    async def order(self, asked: Asked) -> Answer:
        id = asked.path["order_id"]
        found = await order_as_it_stands(self._runtime, id)
        if found is None:
            raise missing("order", id)
        return 200, found

    async def cancel(self, asked: Asked) -> Answer:
        id = asked.path["order_id"]
        await self._do(CancelOrder(id, CUSTOMERS_WISH, self._now()))
        return 200, await self._standing(id)

    async def pay(self, asked: Asked) -> Answer:
        id, picked = asked.path["order_id"], asked.content(Picked)
        await self._pick(id, picked.card)
        await self._do(RetryPayment(id, self._now()))
        return _answer(await self._standing(id))

    async def _pick(self, order_id: str, card: str) -> None:
        if card_of(card) is None:
            raise BadInput(f"there is no card {card[:40]!r}")
        await self._cards.put(order_id, card)

    async def _standing(self, order_id: str) -> PlacedOrder:
        found = await order_as_it_stands(self._runtime, order_id, now=True)
        if found is None:
            raise missing("order", order_id)
        return found

    async def _do(self, command: Any) -> None:
        await self._runtime.execute(command)

    def _now(self) -> datetime:
        return to_datetime(self._runtime.clock.now())


def _answer(order: PlacedOrder) -> Answer:
    return 201 if order.status in ("paid", "dispatched") else 202, order


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 7 and 1 <= int(text) <= MAX_PAGE):
        raise BadInput(f"page {text[:20]!r}: give a whole number from 1")
    return int(text)

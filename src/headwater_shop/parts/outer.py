"""The parts that a customer sees, over HTTP: each class is a part as another service has it, and the `…_routes` after
it are how a service answers for that part. They speak the contract, so any of them may stand at the front door."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast, get_args
from urllib.parse import quote, urlencode

import msgspec
from starlette.routing import Route

from headwater.errors import BadInput, MalformedData
from headwater.http.problems import Fault
from headwater_shop.contract import (
    PREFIX,
    Category,
    Checkout,
    Customer,
    Found,
    Item,
    NewCustomer,
    PlacedOrder,
    Sort,
)
from headwater_shop.domain.cards import card_of
from headwater_shop.parts import forms
from headwater_shop.parts.answering import Answer, Asked, missing, route
from headwater_shop.parts.asking import Answered, NoAnswer, Peer
from headwater_shop.parts.forms import Form
from headwater_shop.parts.ports import Deals, People, Seen, Shelf

T = TypeVar("T")

DEALS_WITHIN: Final = 12.0  # seconds that the hardened give whoever sells
LONGEST: Final = 60.0  # seconds after which an answer is of no use to anybody
MAX_PAGE: Final = 1_000_000
_encode = msgspec.json.encode

# The shelf


class RemoteShelf:
    """A Shelf of the products service, as a caller that knows this form of its interface has it."""

    def __init__(self, peer: Peer, form: Form = "") -> None:
        self._peer = peer
        self._form = form

    async def categories(self) -> Sequence[Category]:
        return decoded(await self._peer.ask("GET", f"{PREFIX}/categories"), tuple[Category, ...])

    async def search(self, words: str, category: str, sort: str, page: int) -> Found:
        query = urlencode({"words": words, "category": category, "sort": sort, "page": page})
        came = await self._peer.ask("GET", f"{PREFIX}/products?{query}")
        return understood(lambda: forms.read_page(came.body, self._form))

    async def item(self, stock_code: str) -> Item | None:
        came = await self._peer.ask("GET", f"{PREFIX}/products/{quoted(stock_code)}")
        if came.status == 404:
            return None
        return understood(lambda: forms.read(decoded(came, dict[str, Any]), self._form))


def shelf_routes(shelf: Shelf, form: Form = "") -> list[Route]:
    """A Shelf as a service that speaks this form of the interface; a front door speaks today's."""

    async def categories(_asked: Asked) -> Answer:
        return 200, await shelf.categories()

    async def search(asked: Asked) -> Answer:
        sort, page = asked.query.get("sort", "popular"), _page(asked.query.get("page", "1"))
        if sort not in get_args(Sort):
            raise BadInput(f"sort {sort!r}: give one of {', '.join(get_args(Sort))}")
        words, category = asked.query.get("words", ""), asked.query.get("category", "")
        return 200, forms.told_page(await shelf.search(words, category, cast("Sort", sort), page), form)

    async def item(asked: Asked) -> Answer:
        found = await shelf.item(asked.path["stock_code"])
        if found is None:
            raise missing("product", asked.path["stock_code"])
        return 200, forms.told(found, form)

    return [
        _route("GET", f"{PREFIX}/categories", categories),
        _route("GET", f"{PREFIX}/products", search),
        _route("GET", f"{PREFIX}/products/{{stock_code:path}}", item),
    ]


def _page(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 7 and 1 <= int(text) <= MAX_PAGE):
        raise BadInput(f"page {text[:20]!r}: give a whole number from 1")
    return int(text)


# People


class RemotePeople:
    """People of another service."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def put(self, customer_id: str, new: NewCustomer) -> Customer:
        path = f"{PREFIX}/customers/{quoted(customer_id)}"
        return decoded(await self._peer.ask("PUT", path, _encode(new)), Customer)

    async def find(self, customer_id: str) -> Customer | None:
        came = await self._peer.ask("GET", f"{PREFIX}/customers/{quoted(customer_id)}")
        return None if came.status == 404 else decoded(came, Customer)


def people_routes(people: People) -> list[Route]:
    """People as a service."""
    path = f"{PREFIX}/customers/{{customer_id}}"

    async def put(asked: Asked) -> Answer:
        return 200, await people.put(asked.path["customer_id"], asked.content(NewCustomer))

    async def find(asked: Asked) -> Answer:
        found = await people.find(asked.path["customer_id"])
        if found is None:
            raise missing("customer", asked.path["customer_id"])
        return 200, found

    return [_route("PUT", path, put), _route("GET", path, find)]


# Deals


class _Picked(msgspec.Struct):
    card: str


class _Declined(msgspec.Struct):
    order: PlacedOrder


class RemoteDeals:
    """Deals of another service; orders are looked up at `seen_at` where that is yet another one."""

    def __init__(self, peer: Peer, seen_at: Peer | None = None) -> None:
        self._peer = peer
        self._seen_at = seen_at or peer

    async def place(self, order_id: str, wanted: Checkout) -> PlacedOrder:
        return await self._do("PUT", f"{PREFIX}/orders/{quoted(order_id)}", _encode(wanted))

    async def cancel(self, order_id: str) -> PlacedOrder:
        return await self._do("POST", f"{PREFIX}/orders/{quoted(order_id)}/cancel")

    async def pay(self, order_id: str, card: str) -> PlacedOrder:
        return await self._do("POST", f"{PREFIX}/orders/{quoted(order_id)}/pay", _encode(_Picked(card)))

    async def order(self, order_id: str) -> PlacedOrder | None:
        came = await self._seen_at.ask("GET", f"{PREFIX}/orders/{quoted(order_id)}")
        return None if came.status == 404 else decoded(came, PlacedOrder)

    async def of_customer(self, customer_id: str) -> Sequence[PlacedOrder]:
        came = await self._seen_at.ask("GET", f"{PREFIX}/customers/{quoted(customer_id)}/orders")
        return decoded(came, tuple[PlacedOrder, ...])

    async def _do(self, method: str, path: str, body: bytes = b"") -> PlacedOrder:
        came = await self._peer.ask(method, path, body, within=DEALS_WITHIN)
        return decoded(came, _Declined).order if came.status == 402 else decoded(came, PlacedOrder)


def deals_routes(deals: Deals) -> list[Route]:
    """Deals as a service."""
    path = f"{PREFIX}/orders/{{order_id}}"

    async def place(asked: Asked) -> Answer:
        wanted = asked.content(Checkout)
        _require_card(wanted.card)
        return _standing(await deals.place(asked.path["order_id"], wanted))

    async def cancel(asked: Asked) -> Answer:
        return 200, await deals.cancel(asked.path["order_id"])

    async def pay(asked: Asked) -> Answer:
        picked = asked.content(_Picked)
        _require_card(picked.card)
        return _standing(await deals.pay(asked.path["order_id"], picked.card))

    return [
        _route("PUT", path, place),
        *orders_seen_routes(deals),
        _route("POST", f"{path}/cancel", cancel),
        _route("POST", f"{path}/pay", pay),
    ]


def orders_seen_routes(deals: Seen) -> list[Route]:
    """What there is to be seen of orders, as a service."""

    async def order(asked: Asked) -> Answer:
        found = await deals.order(asked.path["order_id"])
        if found is None:
            raise missing("order", asked.path["order_id"])
        return 200, found

    async def of_customer(asked: Asked) -> Answer:
        return 200, await deals.of_customer(asked.path["customer_id"])

    return [
        _route("GET", f"{PREFIX}/orders/{{order_id}}", order),
        _route("GET", f"{PREFIX}/customers/{{customer_id}}/orders", of_customer),
    ]


def _standing(order: PlacedOrder) -> Answer:
    if order.status == "payment_failed":
        raise Fault(402, "declined", f"The payment was declined: {order.reason}", code="declined", order=order)
    return 201 if order.status in ("paid", "dispatched") else 202, order


def _require_card(card: str) -> None:
    if card_of(card) is None:
        raise BadInput(f"there is no card {card[:40]!r}")


# All of it


def front_routes(architecture: str, shelf: Shelf, people: People, deals: Deals) -> list[Route]:
    """The whole contract."""

    async def health(_asked: Asked) -> Answer:
        return 200, {"architecture": architecture}

    routes = [*shelf_routes(shelf), *people_routes(people), *deals_routes(deals)]
    return [*routes, _route("GET", f"{PREFIX}/health", health)]


def _route(method: str, path: str, do: Any) -> Route:
    return route(method, path, do, within=LONGEST)


def quoted(id: str) -> str:
    """An id as a part of a path."""
    return quote(id, safe="")


def decoded(came: Answered, of: type[T]) -> T:
    """An answer as that. Raises NoAnswer where it is not."""
    return understood(lambda: _decoded(came, of))


def _decoded(came: Answered, of: type[T]) -> T:
    try:
        return msgspec.json.decode(came.body, type=of)
    except (ValueError, RecursionError) as error:
        raise MalformedData("answer", str(error)) from error


def understood(read: Callable[[], T]) -> T:
    """What is read of an answer. Raises NoAnswer where it is not what was expected: to whoever asks us that is the
    same as none."""
    try:
        return read()
    except MalformedData as error:
        raise NoAnswer("another service", f"what it says is not understood: {error}") from error

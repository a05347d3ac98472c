"""The parts that only services have to do with, over HTTP; as in `outer`, each class is the part as another service has
it, and the `…_routes` after it are how a service answers for it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.routing import Route

from headwater.errors import MalformedData
from headwater_shop.contract import Item, PlacedOrder
from headwater_shop.domain.shared import Line
from headwater_shop.parts import forms
from headwater_shop.parts.answering import Answer, Asked, missing, route
from headwater_shop.parts.asking import Peer
from headwater_shop.parts.forms import Form
from headwater_shop.parts.outer import RemoteDeals, decoded, quoted, understood
from headwater_shop.parts.ports import Book, Held, Paid
from headwater_shop.parts.products import Products
from headwater_shop.parts.steps import Step

BANK_WITHIN: Final = 4.0  # seconds that the hardened give the bank
_encode = msgspec.json.encode

# Stock


class RemoteStock:
    """The Stock of the products service, as a caller that knows this form of its interface has it."""

    def __init__(self, peer: Peer, form: Form = "") -> None:
        self._peer = peer
        self._form = form

    async def reserve(self, order_id: str, lines: Sequence[Line]) -> None:
        came = await self._peer.ask("PUT", _reservation(order_id), forms.asking(lines, self._form))
        understood(lambda: _checked(lines, forms.read_items(came.body, self._form)))

    async def release(self, order_id: str) -> None:
        await self._peer.ask("POST", f"{_reservation(order_id)}/release")

    async def ship(self, order_id: str) -> None:
        await self._peer.ask("POST", f"{_reservation(order_id)}/ship")


def _reservation(order_id: str) -> str:
    return f"/reservations/{quoted(order_id)}"


def _checked(lines: Sequence[Line], kept: Sequence[Item]) -> Sequence[Item]:
    """What is going to be charged is what these things cost."""
    prices = {each.stock_code: each.price for each in kept}
    wrong = [line.stock_code for line in lines if prices.get(line.stock_code) != line.unit_price]
    if wrong:
        raise MalformedData("reservation", f"it is at other prices: {', '.join(wrong)}")
    return kept


def stock_routes(products: Products, form: Form = "") -> list[Route]:
    """The Stock as a service that speaks this form of the interface."""

    async def reserve(asked: Asked) -> Answer:
        kept = await products.kept(asked.path["order_id"], forms.asked(asked.body, form))
        return 200, [forms.told(each, form) for each in kept]

    async def release(asked: Asked) -> Answer:
        await products.release(asked.path["order_id"])
        return 200, None

    async def ship(asked: Asked) -> Answer:
        await products.ship(asked.path["order_id"])
        return 200, None

    path = "/reservations/{order_id}"
    return [
        route("PUT", path, reserve),
        route("POST", f"{path}/release", release),
        route("POST", f"{path}/ship", ship),
    ]


# The book


class RemoteBook:
    """The Book of the orders service."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._seen = RemoteDeals(peer)

    async def order(self, order_id: str) -> PlacedOrder | None:
        return await self._seen.order(order_id)

    async def of_customer(self, customer_id: str) -> Sequence[PlacedOrder]:
        return await self._seen.of_customer(customer_id)

    async def find(self, order_id: str) -> Held | None:
        came = await self._peer.ask("GET", _record(order_id))
        return None if came.status == 404 else decoded(came, Held)

    async def take(self, order_id: str, *steps: Step) -> Held:
        return decoded(await self._peer.ask("POST", _record(order_id), _encode(steps)), Held)

    async def withdraw(self, order_id: str) -> None:
        await self._peer.ask("DELETE", _record(order_id))

    async def unfinished(self, before: datetime) -> Sequence[Held]:
        query = urlencode({"before": before.isoformat()})
        return decoded(await self._peer.ask("GET", f"/unfinished?{query}"), tuple[Held, ...])


def _record(order_id: str) -> str:
    return f"/records/{quoted(order_id)}"


def book_routes(book: Book) -> list[Route]:
    """The Book as a service."""

    async def find(asked: Asked) -> Answer:
        held = await book.find(asked.path["order_id"])
        if held is None:
            raise missing("order", asked.path["order_id"])
        return 200, held

    async def take(asked: Asked) -> Answer:
        return 200, await book.take(asked.path["order_id"], *asked.content(tuple[Step, ...]))

    async def withdraw(asked: Asked) -> Answer:
        await book.withdraw(asked.path["order_id"])
        return 200, None

    async def unfinished(asked: Asked) -> Answer:
        return 200, await book.unfinished(msgspec.convert(asked.query["before"], datetime, strict=False))

    path = "/records/{order_id}"
    return [
        route("GET", path, find),
        route("POST", path, take),
        route("DELETE", path, withdraw),
        route("GET", "/unfinished", unfinished),
    ]


# The bank


class RemoteBank:
    """The Bank, which is a service of somebody else."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    async def charge(self, payment_id: str, order_id: str, amount: Decimal, card: str) -> Paid:
        return await self._ask("/charges", payment_id=payment_id, order_id=order_id, amount=amount, card=card)

    async def call_off(self, payment_id: str, order_id: str, amount: Decimal) -> Paid:
        refund_id = f"{payment_id}-back"
        return await self._ask("/refunds", refund_id=refund_id, payment_id=payment_id, order_id=order_id, amount=amount)

    async def _ask(self, path: str, **said: Any) -> Paid:
        return decoded(await self._peer.ask("POST", path, _encode(said), within=BANK_WITHIN), Paid)

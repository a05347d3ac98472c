"""The market of a run, made by the contract alone: what is sold, to whom, and how little is left of one thing."""

import asyncio
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from headwater_shop.contract import PREFIX, Found, Item, NewCustomer, PlacedOrder
from headwater_shop.domain.shared import Line
from headwater_shop.lab import arrivals
from headwater_shop.lab.arrivals import ADDRESS, Market
from headwater_shop.lab.client import Client, each_of
from headwater_shop.lab.load import is_final
from headwater_shop.lab.raw import Charged, Stock

ITEMS: Final = 24
CUSTOMERS: Final = 16
PAGES: Final = 5
PLENTY: Final = 60
"""A product with fewer pieces might run out during a run; it is left alone."""
LEFT: Final = 2
"""So many pieces of the scarce product are left when a run begins."""
_WITHIN, _EVERY = 10.0, 0.05


class NotReady(Exception):
    """The shop does not do what every shop does: sell something, before anything is done to it."""


async def open_market(client: Client, rng: random.Random, prefix: str) -> Market:
    """Register customers, choose products, and buy one of them up but for a few pieces. Raises NotReady."""
    items = await _items(client)
    plenty = [each for each in items if (each.available or 0) >= PLENTY]
    if len(plenty) < 3:
        raise NotReady(f"only {len(plenty)} products have {PLENTY} pieces or more")
    chosen = rng.sample(plenty, min(ITEMS + 1, len(plenty)))
    customers = [f"{prefix}-c{n}" for n in range(CUSTOMERS)]
    await each_of(customers, lambda id: _customer(client, id))
    scarce = chosen.pop()
    await _bought_up(client, scarce, customers[0], prefix)
    return Market(tuple(chosen), scarce, tuple(customers))


async def _items(client: Client) -> list[Item]:
    found: list[Item] = []
    for page in range(1, PAGES + 1):
        answer = await client.ask("GET", f"{PREFIX}/products?page={page}&sort=name")
        if answer.status != 200:
            raise NotReady(f"a search is answered with {answer.status}: {answer.body[:200]!r}")
        shelf = msgspec.json.decode(answer.body, type=Found)
        found += shelf.items
        if not shelf.items or len(found) >= shelf.total:
            break
    return found


async def _customer(client: Client, id: str) -> None:
    new = NewCustomer(arrivals.NAME, f"{id}@example.org", ADDRESS)
    answer = await client.ask("PUT", f"{PREFIX}/customers/{id}", msgspec.json.encode(new))
    if answer.status not in (200, 201):
        raise NotReady(f"a customer is answered with {answer.status}: {answer.body[:200]!r}")


async def _bought_up(client: Client, item: Item, customer: str, prefix: str) -> None:
    """One big order takes all but a few; it also shows that the shop can sell."""
    line = Line(item.stock_code, item.name, max(1, (item.available or 0) - LEFT), item.price)
    order = arrivals.order(0.0, f"{prefix}-opening", customer, (line,))
    path, limit = f"{PREFIX}/orders/{order.order_id}", asyncio.get_running_loop().time() + _WITHIN
    answer = await client.ask("PUT", path, order.body)
    while True:
        if answer.status in (200, 201, 202):
            status = msgspec.json.decode(answer.body, type=PlacedOrder).status
            if status == "dispatched":
                return
            if is_final(status):
                raise NotReady(f"the first order is {status}")
        if asyncio.get_running_loop().time() > limit:
            raise NotReady(f"the first order is answered with {answer.status}: {answer.body[:200]!r}")
        await asyncio.sleep(_EVERY)
        answer = await client.ask("GET" if answer.status in (200, 201, 202) else "PUT", path, order.body)


@dataclass(frozen=True)
class Shelves:
    """What was available of products when a run began."""

    began: Mapping[str, int]

    @staticmethod
    async def counted(client: Client, items: Iterable[Item]) -> "Shelves":
        """Count now. Raises NotReady."""
        codes = [each.stock_code for each in items]
        began = dict(zip(codes, await each_of(codes, lambda code: _available(client, code)), strict=True))
        if unknown := [code for code, available in began.items() if available is None]:
            raise NotReady(f"the stock of {unknown[0]} is unknown")
        return Shelves({code: available or 0 for code, available in began.items()})

    async def now(self, client: Client, sent: Mapping[str, int], patience: float) -> list[Stock]:
        """What is on hand and reserved now, reckoned from what is available and from what was sent. Where the two do
        not agree, the shop has a while to make up its mind."""
        loop = asyncio.get_running_loop()
        limit, found = loop.time() + patience, list[Stock]()
        for code, began in self.began.items():
            on_hand = began - sent.get(code, 0)
            available = await _available(client, code)
            while available != on_hand and loop.time() < limit:
                await asyncio.sleep(_EVERY)
                available = await _available(client, code)
            if available is not None:
                found.append(Stock(code, began, on_hand, on_hand - available))
        return found


async def _available(client: Client, code: str) -> int | None:
    answer = await client.ask("GET", f"{PREFIX}/products/{quote(code)}")
    return msgspec.json.decode(answer.body, type=Item).available if answer.status == 200 else None


class _Movement(msgspec.Struct):
    payment_id: str
    order_id: str
    amount: str | float | int
    kind: str = ""


async def ledger(client: Client, prefix: str) -> list[Charged]:
    """What the bank has booked of the orders of that prefix. Raises NotReady."""
    answer = await client.ask("GET", "/ledger")
    if answer.status != 200:
        raise NotReady(f"the bank does not show its ledger: {answer.status} {answer.body[:200]!r}")
    movements = msgspec.json.decode(answer.body, type=list[_Movement])
    return [
        Charged(each.order_id, each.payment_id, str(each.amount))
        for each in movements
        if each.order_id.startswith(f"{prefix}-") and each.order_id != f"{prefix}-opening"
    ]

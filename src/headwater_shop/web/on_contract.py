"""The shop behind the pages when it is the HTTP contract: whatever answers it, and however that is built."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

import httpx
import msgspec
from msgspec.structs import replace

from headwater.clock import Clock, SystemClock, to_datetime
from headwater.errors import BadInput, Rejected
from headwater_shop.contract import (
    FINAL,
    PAGE,
    Category,
    Checkout,
    Customer,
    Found,
    Item,
    NewCustomer,
    PlacedOrder,
    Sort,
)
from headwater_shop.domain.cart import AddItem, ChangeQuantity
from headwater_shop.domain.shared import Line
from headwater_shop.web.backend import Cart, NoAnswer, Order, Orders, Who
from headwater_shop.web.contract_client import DECLINED, ContractClient
from headwater_shop.web.kept_carts import Kept, KeptCarts
from headwater_shop.web.session import Shopper, order_number

T = TypeVar("T")

LOOK_EVERY: Final = 0.5  # seconds between two looks at an order that somebody watches
SILENCE: Final = 15.0  # seconds without a change after which that is told
ORDERS: Final = 20  # on a page
FRESH: Final = 10.0  # seconds for which the categories hold, and what is offered as a small gift
NAMES: Final = 20_000
AT_ONCE: Final = 8  # questions that are asked together
IDLE: Final = 2.0  # seconds after which a connection is closed: before the other side does


@asynccontextmanager
async def on_contract(url: str) -> AsyncIterator["OnContract"]:
    """A Backend that asks the shop at this address."""
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE)
    async with httpx.AsyncClient(base_url=url, limits=limits, trust_env=False) as client:
        yield OnContract(ContractClient(client))


class OnContract:
    """A Backend. The contract has no carts: they are kept here, in memory, and are gone with this process."""

    def __init__(self, shop: ContractClient, clock: Clock | None = None) -> None:
        self._shop = shop
        self._clock = clock or SystemClock()
        self._carts = KeptCarts()
        self._names: OrderedDict[str, str] = OrderedDict()
        self._categories: Sequence[Category] = ()
        self._shelves: Sequence[Found] = ()
        self._categories_until = self._gifts_until = float("-inf")

    async def reached(self, position: int) -> int:
        return 0  # there are no positions: what was answered can be read

    # -- shelves

    async def categories(self) -> Sequence[Category]:
        now = self._clock.monotonic()
        if now >= self._categories_until:
            self._categories = await self._shop.get(tuple[Category, ...], "categories") or ()
            self._categories_until = now + FRESH
        return self._categories

    async def search(self, words: str, category: str, sort: Sort, page: int) -> Found:
        found = await self._found(words, category, sort, page)
        last = max(1, -(-found.total // PAGE))
        return await self._found(words, category, sort, last) if page > last else found

    async def _found(self, words: str, category: str, sort: Sort, page: int) -> Found:
        asked = {"words": words, "category": category}
        given = {name: value for name, value in asked.items() if value}
        found = await self._shop.get(Found, "products", **given, sort=sort, page=page) or Found((), 0, 1)
        self._remember((item.stock_code, item.name) for item in found.items)
        return found

    async def best_sellers(self, limit: int, *, category: str = "", besides: str = "") -> Sequence[Item]:
        found = await self._found("", category, "popular", 1)
        return [item for item in found.items if item.available and item.stock_code != besides][:limit]

    async def small_gifts(self, limit: int, below: Decimal) -> Sequence[Item]:
        """The second of each category: the first is a best seller, and to be seen as one."""
        now = self._clock.monotonic()
        if now >= self._gifts_until:
            shelves = [partial(self._found, "", each.category, "popular", 1) for each in await self.categories()]
            self._shelves = await _together(shelves)
            self._gifts_until = now + FRESH
        gifts = [_small(found, below)[1:2] for found in self._shelves]
        return sorted((item for few in gifts for item in few), key=lambda item: -item.sold)[:limit]

    async def products(self, stock_codes: Sequence[str], position: int = 0) -> Mapping[str, Item]:
        found = await _together([partial(self._product, code) for code in dict.fromkeys(stock_codes) if code])
        return {item.stock_code: item for item in found if item is not None}

    async def _product(self, stock_code: str) -> Item | None:
        try:
            item = await self._shop.get(Item, "products", stock_code)
        except BadInput:  # a code that cannot be one
            return None
        self._remember([(item.stock_code, item.name)] if item else [])
        return item

    async def name_of(self, stock_code: str) -> str | None:
        if stock_code not in self._names:
            await self.products([stock_code])
        return self._names.get(stock_code)

    def _remember(self, names: Iterable[tuple[str, str]]) -> None:
        for code, name in names:
            if name:
                self._names[code] = name
        while len(self._names) > NAMES:
            self._names.popitem(last=False)

    # -- carts

    async def cart(self, who: Who) -> Cart:
        shopper = who.shopper
        kept = self._carts.get(shopper.cart_id)
        if kept is None or kept.doubtful:
            kept = await self._looked_up(shopper, kept or Kept())
        return Cart(tuple(kept.cart.lines.values()), kept.cart.order_id)

    async def _looked_up(self, shopper: Shopper, kept: Kept) -> Kept:
        """The cart, with the order that it has become: from before this process began, or of a lost answer."""
        order_id = order_number(shopper.cart_id)
        if not shopper.new and await self._shop.get(PlacedOrder, "orders", order_id) is not None:
            kept = Kept(replace(kept.cart, order_id=order_id))
        if not shopper.new:
            self._carts.put(shopper.cart_id, kept)
        return kept

    async def add(self, shopper: Shopper, line: Line) -> int:
        self._carts.execute(
            AddItem(shopper.cart_id, line.stock_code, line.name, line.unit_price, line.quantity, self._now())
        )
        return 0

    async def change(self, shopper: Shopper, stock_code: str, quantity: int) -> int:
        self._carts.execute(ChangeQuantity(shopper.cart_id, stock_code, quantity, self._now()))
        return 0

    async def checkout(self, shopper: Shopper, order_id: str, wanted: Checkout) -> int:
        kept = self._carts.get(shopper.cart_id) or Kept()
        self._carts.put(shopper.cart_id, Kept(kept.cart, doubtful=True))
        try:
            answer = await self._shop.do("PUT", wanted, "orders", order_id)
        except (Rejected, BadInput):
            self._carts.put(shopper.cart_id, kept)  # nothing was kept there, so it is still a cart
            raise
        self._carts.put(shopper.cart_id, Kept(replace(kept.cart, order_id=order_id)))
        if answer.status_code != DECLINED:
            _require_these(wanted, msgspec.json.decode(answer.content, type=PlacedOrder))
        return 0

    # -- customers and orders

    async def customer(self, customer_id: str, position: int = 0) -> Customer | None:
        return await self._shop.get(Customer, "customers", customer_id)

    async def put_customer(self, customer: Customer) -> int:
        new = NewCustomer(customer.name, customer.email, customer.address)
        await self._shop.do("PUT", new, "customers", customer.customer_id)
        return 0

    async def order(self, who: Who, order_id: str) -> Order | None:
        return await self._order(order_id)

    async def _order(self, order_id: str) -> Order | None:
        try:
            placed = await self._shop.get(PlacedOrder, "orders", order_id)
        except BadInput:  # a number that cannot be one
            return None
        return None if placed is None else self._shown(placed)

    def _shown(self, placed: PlacedOrder) -> Order:
        self._remember((line.stock_code, line.name) for line in placed.lines)
        order = msgspec.convert(placed, Order, from_attributes=True)
        return replace(order, country=placed.address.country, final=placed.status in FINAL)

    async def orders_of(self, customer_id: str, page: int, position: int = 0) -> Orders:
        placed = await self._shop.get(tuple[PlacedOrder, ...], "customers", customer_id, "orders") or ()
        pages = max(1, -(-len(placed) // ORDERS))
        page = min(page, pages)
        shown = [self._shown(each) for each in placed[(page - 1) * ORDERS : page * ORDERS]]
        return Orders(shown, len(placed), page, pages)

    async def cancel(self, order_id: str) -> int:
        await self._shop.do("POST", {}, "orders", order_id, "cancel")
        return 0

    async def pay(self, order_id: str, card: str) -> int:
        await self._shop.do("POST", {"card": card}, "orders", order_id, "pay")
        return 0

    async def changes(self, order_id: str) -> AsyncGenerator[Order | None, None]:
        told: Order | None = None
        said = self._clock.monotonic()
        while told is None or not told.final:
            order = None
            with suppress(NoAnswer):  # it comes back; until then nothing changes
                order = await self._order(order_id)
            now = self._clock.monotonic()
            if order is not None and order != told:
                told, said = order, now
                yield order
            elif now - said >= SILENCE:
                said = now
                yield None
            if told is None or not told.final:
                await self._clock.sleep(LOOK_EVERY)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())


def _small(found: Found, below: Decimal) -> list[Item]:
    return [item for item in found.items if item.available and item.price < below]


async def _together(calls: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """The answers to all of them, in their order; the first error where there is one."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with gate:
            return await call()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(call)) for call in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _require_these(wanted: Checkout, placed: PlacedOrder) -> None:
    """The order must be of what was wanted: one that an earlier sending of the form has made may not be."""
    if sorted((line.stock_code, line.quantity) for line in wanted.lines) != sorted(
        (line.stock_code, line.quantity) for line in placed.lines
    ):
        reason = f"this cart has become order {placed.order_id} before you changed it; please look at your orders"
        raise Rejected(reason, "checked_out", order_id=placed.order_id)

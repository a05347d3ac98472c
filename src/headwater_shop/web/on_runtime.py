"""The shop behind the pages when it is a Headwater runtime: commands, views, and news as they are recorded."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from headwater.app import Runtime
from headwater.clock import to_datetime
from headwater.errors import Rejected
from headwater.messages import Metadata, query
from headwater.store.subscription import subscribe
from headwater_shop.contract import FINAL, Category, Checkout, Customer, Found, Item, Sort
from headwater_shop.domain.cart import AddItem, ChangeQuantity, CheckOut
from headwater_shop.domain.customer import ChangeAddress, ChangeDetails, RegisterCustomer
from headwater_shop.domain.order import CUSTOMERS_WISH, CancelOrder, RetryPayment
from headwater_shop.domain.shared import Line
from headwater_shop.event_driven.vault import Cards
from headwater_shop.event_driven.views import OrderSummary, cart_view, customer_view, order_summary, product_card
from headwater_shop.web import shelf
from headwater_shop.web.backend import Bought, Cart, Order, Orders, Who
from headwater_shop.web.session import Shopper, order_number
from headwater_shop.web.timeline import LETTER_ABOUT

PAGE: Final = 20
CHANGES: Final = query(
    "order.placed", "order.payment_due", "order.payment_failed", "order.paid", "order.dispatched", "order.cancelled",
    "order.returned", "notification.sent",
)  # fmt: skip
_ENDS: Final = FINAL | {"returned", "imported"}
SILENCE: Final = 15.0  # seconds without a change after which that is told


class OnRuntime:
    """A Backend. `cards` learns which card is to pay an order; the runtime must be open while this is used."""

    def __init__(self, runtime: Runtime, cards: Cards) -> None:
        self._runtime = runtime
        self._cards = cards

    async def reached(self, position: int) -> int:
        return min(position, await self._runtime.store.head())

    # -- shelves

    async def categories(self) -> Sequence[Category]:
        return await shelf.categories(self._runtime)

    async def search(self, words: str, category: str, sort: Sort, page: int) -> Found:
        return await shelf.search(self._runtime, words=words, category=category, sort=sort, page=page)

    async def best_sellers(self, limit: int, *, category: str = "", besides: str = "") -> Sequence[Item]:
        return await shelf.best_sellers(self._runtime, limit, category=category, besides=besides)

    async def small_gifts(self, limit: int, below: Decimal) -> Sequence[Item]:
        return await shelf.small_gifts(self._runtime, limit, below)

    async def products(self, stock_codes: Sequence[str], position: int = 0) -> Mapping[str, Item]:
        codes = list(stock_codes)
        if not codes:
            return {}
        where = {"stock_code": codes, "listed": True}
        cards = await self._runtime.find(product_card, where=where, limit=len(codes), after=position)
        return {card.stock_code: shelf.item(card) for card in cards}

    async def name_of(self, stock_code: str) -> str | None:
        card = await self._runtime.get(product_card, stock_code)
        return None if card is None else card.name

    # -- carts

    async def cart(self, who: Who) -> Cart:
        row = await self._runtime.get(cart_view, who.shopper.cart_id, after=who.position)
        return Cart() if row is None else Cart(row.lines, row.order_id)

    async def add(self, shopper: Shopper, line: Line) -> int:
        return await self._do(
            AddItem(shopper.cart_id, line.stock_code, line.name, line.unit_price, line.quantity, self._now())
        )

    async def change(self, shopper: Shopper, stock_code: str, quantity: int) -> int:
        return await self._do(ChangeQuantity(shopper.cart_id, stock_code, quantity, self._now()))

    async def checkout(self, shopper: Shopper, order_id: str, wanted: Checkout) -> int:
        await self._cards.put(order_id, wanted.card)
        command = CheckOut(
            shopper.cart_id, order_id, wanted.customer_id, wanted.customer_name, wanted.address, self._now()
        )
        return await self._do(command, metadata=Metadata(correlation_id=order_id))

    # -- customers and orders

    async def customer(self, customer_id: str, position: int = 0) -> Customer | None:
        row = await self._runtime.get(customer_view, customer_id, after=position)
        return None if row is None else Customer(customer_id, row.name, row.email, row.address)

    async def put_customer(self, customer: Customer) -> int:
        id, at = customer.customer_id, self._now()
        try:
            return await self._do(RegisterCustomer(id, customer.name, customer.email, at, customer.address))
        except Rejected as no:
            if no.code != "already_registered":
                raise
        await self._do(ChangeDetails(id, customer.name, customer.email, at))
        return await self._do(ChangeAddress(id, customer.address, at))

    async def order(self, who: Who, order_id: str) -> Order | None:
        row = await self._runtime.get(order_summary, order_id, after=who.position)
        return shown(row) if row is not None else await self._just_checked_out(who.shopper, order_id)

    async def _just_checked_out(self, shopper: Shopper, order_id: str) -> Order | None:
        """The order that the shopper's last cart is about to become."""
        if not shopper.carts or order_id != order_number(last := shopper.cart(shopper.carts - 1)):
            return None
        cart = await self._runtime.get(cart_view, last)
        customer = await self._runtime.get(customer_view, shopper.customer_id)
        if cart is None or customer is None:
            return None
        return Order(
            order_id, shopper.customer_id, customer.name, lines=cart.lines, total=cart.total, address=customer.address
        )

    async def orders_of(self, customer_id: str, page: int, position: int = 0) -> Orders:
        where = {"customer_id": customer_id}
        total = await self._runtime.count(order_summary, where=where, after=position)
        pages = max(1, -(-total // PAGE))
        page = min(page, pages)
        rows = await self._runtime.find(
            order_summary, where=where, order_by=("-placed_at", "order_id"), limit=PAGE, offset=(page - 1) * PAGE,
            after=position,
        )  # fmt: skip
        who = await self._runtime.get(customer_view, customer_id)
        bought = Bought(who.country, who.orders, who.spent, who.returned) if who else None
        return Orders([shown(row) for row in rows], total, page, pages, bought)

    async def cancel(self, order_id: str) -> int:
        return await self._do(CancelOrder(order_id, CUSTOMERS_WISH, self._now()))

    async def pay(self, order_id: str, card: str) -> int:
        await self._cards.put(order_id, card)
        return await self._do(RetryPayment(order_id, self._now()))

    async def changes(self, order_id: str) -> AsyncGenerator[Order | None, None]:
        store, streams = self._runtime.store, (f"order-{order_id}", f"notification-{order_id}")
        position = await store.head()
        order = await self._at(order_id, position) or Order(order_id)
        yield order
        if order.final:
            return
        async with aclosing(subscribe(store, CHANGES, after=position, idle=SILENCE)) as pages:
            async for read in pages:
                mine = [event for event in read.events if event.stream in streams]
                if not mine:
                    yield None
                    continue
                order = await self._at(order_id, mine[-1].position) or order
                yield order
                if order.final:
                    return

    async def _at(self, order_id: str, position: int) -> Order | None:
        row = await self._runtime.get(order_summary, order_id, after=position)
        return None if row is None else shown(row)

    async def _do(self, command: Any, **options: Any) -> int:
        return (await self._runtime.execute(command, **options)).position

    def _now(self) -> datetime:
        return to_datetime(self._runtime.clock.now())


def shown(row: OrderSummary) -> Order:
    """A row as pages show it. It is final once the letter about its end has gone out, too."""
    order = msgspec.convert(row, Order, from_attributes=True)
    written = row.status not in LETTER_ABOUT or any(notice.occasion == row.status for notice in row.notices)
    return replace(order, final=row.status in _ENDS and written)

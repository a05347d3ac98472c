"""Selling as it is written on a good day: one call after the other, and what fails is undone as well as can be.

Nothing is noted before it is over. So whoever dies in between leaves stock that nobody wants, or money that was taken
for an order that nobody knows of; and a bank that does not answer in time has perhaps taken it.
"""

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from headwater.clock import Clock, SystemClock, to_datetime
from headwater.errors import Rejected
from headwater_shop.contract import Checkout, PlacedOrder
from headwater_shop.domain import order
from headwater_shop.domain.order import CUSTOMERS_WISH
from headwater_shop.domain.order_events import Order
from headwater_shop.domain.shared import total
from headwater_shop.parts.asking import NoAnswer
from headwater_shop.parts.orders import placing
from headwater_shop.parts.ports import Bank, Book, Held, Paid, People, Stock
from headwater_shop.parts.selling import Later
from headwater_shop.parts.steps import Cancel, Decline, Dispatch, Pay, Place, Reserve, Step, TryAgain

T = TypeVar("T")


class NaiveSelling:
    """Deals over other services."""

    def __init__(
        self, people: People, stock: Stock, book: Book, bank: Bank, later: Later, packing: float = 0.0
    ) -> None:
        self._people = people
        self._stock = stock
        self._book = book
        self._bank = bank
        self._later = later
        self._packing = packing
        self._clock: Clock = SystemClock()

    async def order(self, order_id: str) -> PlacedOrder | None:
        return await self._book.order(order_id)

    async def of_customer(self, customer_id: str) -> Sequence[PlacedOrder]:
        return await self._book.of_customer(customer_id)

    async def place(self, order_id: str, wanted: Checkout) -> PlacedOrder:
        if (known := await self._book.order(order_id)) is not None:
            return known
        place = Place(wanted, self._now())
        order.decide(placing(order_id, place), Order())
        await self._people.find(wanted.customer_id)
        await self._or_undo(self._stock.reserve(order_id, wanted.lines), order_id)
        payment_id, amount = f"{order_id}-1", total(wanted.lines)
        paid = await self._or_undo(self._bank.charge(payment_id, order_id, amount, wanted.card), order_id)
        steps = (place, Reserve(place.at), self._answered(paid, payment_id, amount))
        try:
            held = await self._or_undo(self._book.take(order_id, *steps), order_id)
        except NoAnswer:
            if paid.accepted:
                with suppress(NoAnswer):
                    await self._bank.call_off(payment_id, order_id, amount)
            raise
        return await self._sent(held) if paid.accepted else held.order

    async def _or_undo(self, work: Awaitable[T], order_id: str) -> T:
        try:
            return await work
        except (NoAnswer, Rejected):
            with suppress(NoAnswer):
                await self._stock.release(order_id)
            raise

    def _answered(self, paid: Paid, payment_id: str, amount: Decimal) -> Step:
        at = self._now()
        return Pay(payment_id, amount, at) if paid.accepted else Decline(payment_id, paid.reason, at)

    async def pay(self, order_id: str, card: str) -> PlacedOrder:
        held = await self._book.take(order_id, TryAgain(card, self._now()))
        amount = held.order.total
        paid = await self._bank.charge(held.payment_id, order_id, amount, card)
        held = await self._book.take(order_id, self._answered(paid, held.payment_id, amount))
        return await self._sent(held) if paid.accepted else held.order

    async def cancel(self, order_id: str) -> PlacedOrder:
        held = await self._book.take(order_id, Cancel(CUSTOMERS_WISH, self._now()))
        await self._stock.release(order_id)
        return held.order

    async def _sent(self, held: Held) -> PlacedOrder:
        if self._packing:
            self._later(self._packed(held.order.order_id))
            return held.order
        return await self._dispatched(held.order.order_id)

    async def _packed(self, order_id: str) -> None:
        await self._clock.sleep(self._packing)
        with suppress(NoAnswer, Rejected):
            await self._dispatched(order_id)

    async def _dispatched(self, order_id: str) -> PlacedOrder:
        await self._stock.ship(order_id)
        return (await self._book.take(order_id, Dispatch(self._now()))).order

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())

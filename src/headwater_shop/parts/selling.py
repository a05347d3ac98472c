"""An order's way, one step after the other, each by asking whoever has the part: place, reserve, charge, ship.

The book is where a step is noted before the next one is taken, and every step may be taken again; so whoever finds an
order at whatever point, after a crash or because somebody did not answer, takes it on from there (see `Recovery`).
"""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from headwater.clock import Clock, SystemClock, to_datetime
from headwater.errors import Rejected
from headwater_shop.contract import Checkout, PlacedOrder
from headwater_shop.domain import order
from headwater_shop.domain.order import CUSTOMERS_WISH
from headwater_shop.domain.order_events import Order
from headwater_shop.parts.asking import NoAnswer
from headwater_shop.parts.orders import placing
from headwater_shop.parts.ports import Bank, Book, Held, Stock
from headwater_shop.parts.steps import Cancel, Decline, Dispatch, Pay, Place, Reserve, Settle, TryAgain

Later = Callable[[Coroutine[Any, Any, None]], None]
"""Has something done beside what is being done; somebody else sees to its end."""


class Selling:
    """Deals, over parts that may be anywhere. `packing` is the seconds from paid to dispatched."""

    def __init__(self, stock: Stock, book: Book, bank: Bank, later: Later, packing: float = 0.0) -> None:
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
        held = await self._book.find(order_id)
        if held is None:
            held = await self._placed(order_id, Place(wanted, self._now()))
        return (await self.take_on(held)).order

    async def _placed(self, order_id: str, step: Place) -> Held:
        order.decide(placing(order_id, step), Order())  # what the rules refuse anyway need not be asked for
        try:
            return await self._book.take(order_id, step)
        except Rejected as no:
            held = await self._book.find(order_id) if no.code == "already_placed" else None
            if held is None:
                raise
            return held

    async def pay(self, order_id: str, card: str) -> PlacedOrder:
        return (await self.take_on(await self._book.take(order_id, TryAgain(card, self._now())))).order

    async def cancel(self, order_id: str) -> PlacedOrder:
        held = await self._book.take(order_id, Cancel(CUSTOMERS_WISH, self._now()))
        try:
            return (await self.take_on(held)).order
        except NoAnswer:  # it is cancelled; what belongs to that is made up for
            return held.order

    # -- one step after the other

    async def take_on(self, held: Held) -> Held:
        """Take an order on from where it stands, as far as it goes. Raises NoAnswer where somebody does not answer
        before the order is paid, and Rejected, with nothing kept, where its stock cannot be had."""
        if held.order.status == "placed":
            held = await self._reserved(held)
        if held.order.status == "payment_due":
            held = await self._charged(held)
        if held.order.status == "cancelled" and not held.settled:
            held = await self._called_off(held)
        if held.order.status == "paid":
            held = await self._sent(held)
        return held

    async def _reserved(self, held: Held) -> Held:
        order_id = held.order.order_id
        try:
            await self._stock.reserve(order_id, held.order.lines)
        except Rejected:
            await self._book.withdraw(order_id)
            raise
        try:
            return await self._book.take(order_id, Reserve(self._now()))
        except Rejected:  # withdrawn meanwhile, by somebody else who took it on
            await self._stock.release(order_id)
            raise

    async def _charged(self, held: Held) -> Held:
        order_id, due = held.order.order_id, held.payment_id
        paid = await self._bank.charge(due, order_id, held.order.total, held.card)
        if paid.accepted:
            return await self._book.take(order_id, Pay(due, held.order.total, self._now()))
        return await self._book.take(order_id, Decline(due, paid.reason, self._now()))

    async def _called_off(self, held: Held) -> Held:
        order_id = held.order.order_id
        if held.payment_id:  # which may have been under way
            await self._bank.call_off(held.payment_id, order_id, held.order.total)
        await self._stock.release(order_id)
        return await self._book.take(order_id, Settle(self._now()))

    async def _sent(self, held: Held) -> Held:
        """The parcel leaves when it is packed; whoever pays need not wait for that, nor hear of trouble with it."""
        if self._packing:
            self._later(self._packed(held))
            return held
        try:
            return await self._dispatched(held)
        except NoAnswer:
            return held

    async def _packed(self, held: Held) -> None:
        await self._clock.sleep(self._packing)
        try:
            await self._dispatched(held)
        except (NoAnswer, Rejected):  # left to the recovery
            return

    async def _dispatched(self, held: Held) -> Held:
        await self._stock.ship(held.order.order_id)
        return await self._book.take(held.order.order_id, Dispatch(self._now()))

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())

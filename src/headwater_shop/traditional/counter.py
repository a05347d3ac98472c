"""Selling where everything is in one database: two transactions for an order, one before the bank is asked and one
after it has answered. No lock is held meanwhile, and whatever happens the first tells that there is something to ask.
"""

from collections.abc import Sequence
from datetime import datetime

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.contract import Checkout, PlacedOrder
from headwater_shop.domain.order import CUSTOMERS_WISH
from headwater_shop.parts import orders, products
from headwater_shop.parts.asking import NoAnswer
from headwater_shop.parts.database import Connection, Database
from headwater_shop.parts.ports import Bank, Held
from headwater_shop.parts.selling import Later
from headwater_shop.parts.steps import Cancel, Decline, Dispatch, Pay, Place, Reserve, Settle, TryAgain


class Counter:
    """Deals in one database, but for the bank. `packing` is the seconds from paid to dispatched."""

    def __init__(self, database: Database, bank: Bank, later: Later, packing: float = 0.0) -> None:
        self._database = database
        self._seen = orders.Orders(database)
        self._bank = bank
        self._later = later
        self._packing = packing
        self._clock: Clock = SystemClock()

    async def order(self, order_id: str) -> PlacedOrder | None:
        return await self._seen.order(order_id)

    async def of_customer(self, customer_id: str) -> Sequence[PlacedOrder]:
        return await self._seen.of_customer(customer_id)

    async def place(self, order_id: str, wanted: Checkout) -> PlacedOrder:
        at = self._now()

        def placed(on: Connection) -> Held:
            if (held := orders.find(on, order_id)) is not None:
                return held
            orders.take(on, order_id, Place(wanted, at))
            products.reserve(on, order_id, wanted.lines, at)
            return orders.take(on, order_id, Reserve(at))

        return (await self.take_on(await self._database.change(placed))).order

    async def pay(self, order_id: str, card: str) -> PlacedOrder:
        return (await self.take_on(await self._seen.take(order_id, TryAgain(card, self._now())))).order

    async def cancel(self, order_id: str) -> PlacedOrder:
        at = self._now()

        def cancelled(on: Connection) -> Held:
            held = orders.take(on, order_id, Cancel(CUSTOMERS_WISH, at))
            products.release(on, order_id, at)
            return held

        held = await self._database.change(cancelled)
        try:
            return (await self.take_on(held)).order
        except NoAnswer:  # it is cancelled; whether money is to be given back, the bank is asked later
            return held.order

    async def take_on(self, held: Held) -> Held:
        """Take an order on from where it stands, as far as it goes. Raises NoAnswer."""
        if held.order.status == "payment_due":
            held = await self._charged(held)
        if held.order.status == "cancelled" and not held.settled:
            held = await self._called_off(held)
        if held.order.status == "paid":
            held = await self._sent(held)
        return held

    async def _charged(self, held: Held) -> Held:
        order_id, due = held.order.order_id, held.payment_id
        paid = await self._bank.charge(due, order_id, held.order.total, held.card)
        at = self._now()

        def noted(on: Connection) -> Held:
            if not paid.accepted:
                return orders.take(on, order_id, Decline(due, paid.reason, at))
            after = orders.take(on, order_id, Pay(due, held.order.total, at))
            return after if self._packing or after.order.status != "paid" else _sent(on, order_id, at)

        return await self._database.change(noted)

    async def _called_off(self, held: Held) -> Held:
        order_id = held.order.order_id
        if held.payment_id:  # which may have been under way
            await self._bank.call_off(held.payment_id, order_id, held.order.total)
        return await self._seen.take(order_id, Settle(self._now()))

    async def _sent(self, held: Held) -> Held:
        if self._packing:
            self._later(self._packed(held.order.order_id))
            return held
        return await self._database.change(lambda on: _sent(on, held.order.order_id, self._now()))

    async def _packed(self, order_id: str) -> None:
        await self._clock.sleep(self._packing)
        await self._database.change(lambda on: _sent(on, order_id, self._now()))

    def _now(self) -> datetime:
        return to_datetime(self._clock.now())


def _sent(on: Connection, order_id: str, at: datetime) -> Held:
    products.ship(on, order_id, at)
    return orders.take(on, order_id, Dispatch(at))

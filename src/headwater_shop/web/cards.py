"""The desk where a shopper picks a card.

It stands where a card terminal would, between the shop and the payment gateway, and knows which card an order is to be
paid with. It keeps that in memory and to itself: card details are none of an event's business.
"""

from collections import OrderedDict
from decimal import Decimal
from typing import Final

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.domain.cards import CARD_BY_ID
from headwater_shop.domain.cards import CARDS as CARDS
from headwater_shop.domain.cards import Card as Card
from headwater_shop.domain.cards import card_of as card_of
from headwater_shop.event_driven.gateway import PaymentGateway, Receipt

_REMEMBERED: Final = 10_000


class CardDesk:
    """A PaymentGateway before another one: refuses what the picked card cannot pay, and passes on the rest."""

    def __init__(self, gateway: PaymentGateway, *, delay: float = 0.0, clock: Clock | None = None) -> None:
        self._gateway = gateway
        self._delay = delay
        self._clock = clock or SystemClock()
        self._picked: OrderedDict[str, Card] = OrderedDict()

    async def put(self, order_id: str, card: str) -> None:
        """From now on, payments of the order are to be taken from the card of that id; raises KeyError without one."""
        self._picked[order_id] = CARD_BY_ID[card]
        self._picked.move_to_end(order_id)
        if len(self._picked) > _REMEMBERED:
            self._picked.popitem(last=False)

    async def charge(self, payment_id: str, amount: Decimal) -> Receipt:
        card = self._picked.get(payment_id.rpartition("-")[0])  # a payment's id is its order's and an attempt's number
        if card is None or not card.refusal:
            return await self._gateway.charge(payment_id, amount)
        await self._clock.sleep(self._delay)
        return Receipt(False, to_datetime(self._clock.now()), reason=card.refusal)

    async def refund(self, refund_id: str, payment_id: str, amount: Decimal) -> Receipt:
        return await self._gateway.refund(refund_id, payment_id, amount)

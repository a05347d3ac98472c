"""Simulated payment cards. No real card can be typed in anywhere: a shopper picks one of these.

The desk stands where a card terminal would, between the shop and the payment gateway, and knows which card an order is
to be paid with. It keeps that in memory and to itself: card details are none of an event's business.
"""

from collections import OrderedDict
from decimal import Decimal
from typing import Final

import msgspec

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.event_driven.gateway import PaymentGateway, Receipt

_REMEMBERED: Final = 10_000


class Card(msgspec.Struct, frozen=True):
    """A card to pick. One with a `refusal` is declined, for that reason."""

    id: str
    name: str
    digits: str
    note: str
    refusal: str = ""


CARDS: Final = (
    Card("heron", "Heron Debit", "4417", "Goes through"),
    Card("kingfisher", "Kingfisher Credit", "9026", "Is declined", "there is not enough money on this card"),
    Card("mayfly", "Mayfly Prepaid", "1130", "Is declined", "this card has expired"),
)


class CardDesk:
    """A PaymentGateway before another one: refuses what the picked card cannot pay, and passes on the rest."""

    def __init__(self, gateway: PaymentGateway, *, delay: float = 0.0, clock: Clock | None = None) -> None:
        self._gateway = gateway
        self._delay = delay
        self._clock = clock or SystemClock()
        self._picked: OrderedDict[str, Card] = OrderedDict()

    def pick(self, order_id: str, card: Card) -> None:
        """From now on, payments of the order are to be taken from this card."""
        self._picked[order_id] = card
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


def card_of(id: str) -> Card | None:
    """The card of that id."""
    return next((card for card in CARDS if card.id == id), None)

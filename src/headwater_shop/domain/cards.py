"""Simulated payment cards. No real card can be typed in anywhere: a shopper picks one of these."""

from typing import Final

import msgspec


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

CARD_BY_ID: Final = {card.id: card for card in CARDS}


def card_of(id: str) -> Card | None:
    """The card of that id."""
    return CARD_BY_ID.get(id)

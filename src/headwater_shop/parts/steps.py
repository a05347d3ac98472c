"""The steps of an order's way, as data: so they can be taken several at once, and in another process."""

from datetime import datetime
from decimal import Decimal

import msgspec

from headwater_shop.contract import Checkout


class Place(msgspec.Struct, frozen=True, tag=True):
    """Write down what is wanted."""

    wanted: Checkout
    at: datetime


class Reserve(msgspec.Struct, frozen=True, tag=True):
    """All of its stock is reserved: now it is to be paid."""

    at: datetime


class Pay(msgspec.Struct, frozen=True, tag=True):
    """The bank has taken the money."""

    payment_id: str
    amount: Decimal
    at: datetime


class Decline(msgspec.Struct, frozen=True, tag=True):
    """The bank has refused to."""

    payment_id: str
    reason: str
    at: datetime


class TryAgain(msgspec.Struct, frozen=True, tag=True):
    """The customer has picked a card once more."""

    card: str
    at: datetime


class Dispatch(msgspec.Struct, frozen=True, tag=True):
    """It has left the house."""

    at: datetime


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """The customer does not want it any more."""

    reason: str
    at: datetime


class Expire(msgspec.Struct, frozen=True, tag=True):
    """It was not paid in time."""

    at: datetime


class Settle(msgspec.Struct, frozen=True, tag=True):
    """It is cancelled, and its stock and money are back."""

    at: datetime


Step = Place | Reserve | Pay | Decline | TryAgain | Dispatch | Cancel | Expire | Settle

"""What several aggregates speak of: lines of goods, addresses, moments."""

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import reduce
from typing import Annotated, Final

import msgspec

from headwater import Rejected
from headwater_shop.domain import money

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time with its time zone. Historical times of the imported files are kept as if in UTC."""


ORDER_ID: Final = re.compile(r"[a-z][A-Za-z0-9_-]{0,99}")
"""Live orders begin with a small letter, so they never meet the invoice numbers of imported history."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """A quantity of one product at one price."""

    stock_code: str
    name: str
    quantity: int
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        return money.times(self.unit_price, self.quantity)


class Address(msgspec.Struct, frozen=True, gc=False):
    """Where a parcel goes."""

    street: str = ""
    city: str = ""
    postcode: str = ""
    country: str = "Unspecified"


def total(lines: Iterable[Line]) -> Decimal:
    """What the lines cost together, exactly."""
    return reduce(money.add, (line.amount for line in lines), money.ZERO)


def require(holds: bool, code: str, reason: str, **facts: object) -> None:
    """Reject the command unless the rule holds."""
    if not holds:
        raise Rejected(reason, code, **facts)


def require_order_id(order_id: str) -> None:
    """Reject an id that no live order may have."""
    rule = "an order's id begins with a small letter; letters, digits, - and _ follow, 100 at most"
    require(ORDER_ID.fullmatch(order_id) is not None, "order_id_malformed", rule)


def stream_part(name: str) -> str:
    """A name of any content as part of a stream's name: itself, or a digest where the store would not accept it."""
    if 0 < len(name) <= 200 and name.isprintable() and name == name.strip():
        return name
    return "sha256-" + hashlib.sha256(name.encode()).hexdigest()

"""What the orders service tells the payments service of an order that is to be paid, as it is today and as it might
become: the interface that the laboratory changes while the shop runs.

It is the record in the topic `orders`; what is stored stays as it is. The orders service tells it, the payments service
reads it, and each is deployed by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, Literal

import msgspec

from headwater import Envelope, event
from headwater.upcasting import Change, Upcaster, renamed, upcast, with_default
from headwater_shop.domain.order_events import PaymentDue
from headwater_shop.domain.shared import Moment

Name = Literal["", "additive", "renamed", "required"]
NAMES: Final[tuple[Name, ...]] = ("", "additive", "renamed", "required")

TYPE: Final = "order.payment_due"
CURRENCY: Final = "GBP"


@dataclass(frozen=True)
class Interface:
    """`tells` makes the record of the stored event (None: it is that). The payments service decodes the record as
    `reads`, with `upcasters` for those of before, and finds the amount by `amount`."""

    reads: type
    tells: Callable[[Envelope], Envelope] | None = None
    amount: Callable[[Any], Decimal] = attrgetter("amount")
    upcasters: tuple[Upcaster, ...] = ()


# Each is declared as the present version, which is how it goes wrong, and as the next one, which is how it is mended.


class _Additive:
    order_id: str
    payment_id: str
    amount: Decimal
    attempt: int
    at: Moment
    currency: str = CURRENCY


class _Renamed:
    order_id: str
    payment_id: str
    sum: Decimal
    attempt: int
    at: Moment


class _Required:
    order_id: str
    payment_id: str
    amount: Decimal
    attempt: int
    at: Moment
    currency: str


def interface(name: Name, *, mended: bool = False) -> Interface:
    """The interface of that name. A breaking one that is `mended` has a version of its own, and a way to it."""
    match name:
        case "":
            return Interface(PaymentDue)
        case "additive":  # breaks nobody: nothing to mend
            return Interface(event(TYPE)(_Additive), _telling(with_default("currency", CURRENCY)))
        case "renamed":
            return _breaking(_Renamed, renamed("amount", "sum"), attrgetter("sum"), mended)
        case "required":
            return _breaking(_Required, with_default("currency", CURRENCY), attrgetter("amount"), mended)


def _breaking(form: type, change: Change, amount: Callable[[Any], Decimal], mended: bool) -> Interface:
    if not mended:
        return Interface(event(TYPE)(form), _telling(change), amount)
    return Interface(event(TYPE, version=2)(form), _telling(change, 2), amount, (upcast(TYPE, 1, change),))


def _telling(change: Change, version: int = 1) -> Callable[[Envelope], Envelope]:
    def tell(stored: Envelope) -> Envelope:
        if stored.type != TYPE:
            return stored
        data = change(msgspec.json.decode(stored.data, type=dict[str, Any]))
        return msgspec.structs.replace(stored, data=msgspec.json.encode(data), type_version=version)

    return tell

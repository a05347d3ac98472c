"""How large the numbers and how far the times of a command may be. Beyond, nothing could add them up or store them:
an event that holds more would bring down every view that folds it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, Final, TypeVar

import msgspec

from headwater_shop.domain.shared import require

C = TypeVar("C")
S = TypeVar("S")
E = TypeVar("E")

MOST: Final = 10**15
FRACTION_DIGITS: Final = 15
LAST_YEAR: Final = 9998  # deadlines lie after the times that they follow from, and years end with 9999


def bounded(decide: Callable[[C, S], Sequence[E]], *, last_year: int = LAST_YEAR) -> Callable[[C, S], Sequence[E]]:
    """The same `decide`, rejecting commands with a number or a time out of bounds first."""

    @wraps(decide)
    def checked(command: C, state: S) -> Sequence[E]:
        reason = "an amount, a quantity or a time is out of all bounds"
        require(within_bounds(command, last_year), "out_of_bounds", reason)
        return decide(command, state)

    return checked


def within_bounds(value: Any, last_year: int = LAST_YEAR) -> bool:
    """Whether all numbers and times in a value, however deep, can be reckoned with."""
    kind = value.__class__
    if kind is str:
        return True
    if kind is int:
        return bool(-MOST <= value <= MOST)
    if kind is Decimal:
        return _amount(value)
    if kind is tuple:
        return all(within_bounds(each, last_year) for each in value)
    if kind is datetime:
        return _moment(value, last_year)
    if isinstance(value, msgspec.Struct):
        return all(within_bounds(getattr(value, name), last_year) for name in value.__struct_fields__)
    return True


def _amount(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    # An infinity or "not a number" has a letter for its exponent.
    return isinstance(exponent, int) and exponent >= -FRACTION_DIGITS and value.adjusted() <= 15 and abs(value) <= MOST


def _moment(value: datetime, last_year: int) -> bool:
    try:
        return value.astimezone(UTC).year <= last_year
    except OverflowError:
        return False

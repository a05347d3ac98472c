"""Exact money: decimal arithmetic that never rounds, and how an amount is written."""

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

ZERO = Decimal(0)

# Wide enough for any sum of what the importer lets in; a rounding would raise instead of passing unseen.
_EXACT = Context(prec=120, traps=[Inexact, InvalidOperation, Overflow])

add = _EXACT.add
subtract = _EXACT.subtract


def times(price: Decimal, quantity: int) -> Decimal:
    """Price for a quantity, exactly."""
    return _EXACT.multiply(price, Decimal(quantity))


def written(amount: Decimal) -> str:
    """An amount as a plain decimal with two fraction digits, or as many more as it needs."""
    whole, _, fraction = f"{amount:f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
    return "0.00" if text == "-0.00" else text

"""One row of a transactions file: read strictly, or refused with a reason.

Fields are taken without the whitespace around them; missing ones at the end are empty. A row is refused when it has no
InvoiceNo or StockCode, when Quantity is no whole number, UnitPrice no plain decimal number or InvoiceDate no
`YYYY-MM-DD HH:MM[:SS]`, and when it has more fields than the header or is beyond the bounds below.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from headwater_shop.domain.invoice import Kind
from headwater_shop.domain.shared import Line, Moment

HEADER: Final = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
NO_COUNTRY: Final = "Unspecified"
MAX_DIGITS: Final = 15
MAX_ROW_CHARS: Final = 100_000

_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+)(?:\.([0-9]+))?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?")


class Row(NamedTuple):
    """A well-formed row."""

    invoice_no: str
    kind: Kind
    customer_id: str
    country: str
    at: Moment
    line: Line


class Malformed(ValueError):
    """The row cannot be read; the message says why."""


def parse(fields: Sequence[str]) -> Row:
    """Read a row's fields. Raises Malformed."""
    invoice_no, stock_code, name, quantity_text, date_text, price_text, customer_id, country = _padded(fields)
    if not invoice_no:
        raise Malformed("InvoiceNo is empty")
    if not stock_code:
        raise Malformed("StockCode is empty")
    quantity, at, price = _quantity(quantity_text), _date(date_text), _price(price_text)
    return Row(
        invoice_no,
        _kind(invoice_no, quantity, price),
        customer_id.removesuffix(".0"),
        country or NO_COUNTRY,
        at,
        Line(stock_code, name, quantity, price),
    )


def _padded(fields: Sequence[str]) -> list[str]:
    stripped = [field.strip() for field in fields]
    if len(stripped) > len(HEADER):
        raise Malformed(f"{len(stripped)} fields, expected {len(HEADER)}")
    if sum(map(len, stripped)) > MAX_ROW_CHARS:
        raise Malformed(f"more than {MAX_ROW_CHARS} characters")
    return stripped + [""] * (len(HEADER) - len(stripped))


def _kind(invoice_no: str, quantity: int, price: Decimal) -> Kind:
    if invoice_no.startswith("C"):
        return Kind.RETURN
    if quantity > 0 and price > 0 and invoice_no.isascii() and invoice_no.isdigit():
        return Kind.SALE
    return Kind.ADJUSTMENT


@lru_cache(4096)
def _quantity(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise Malformed(f"Quantity {text[:40]!r} is no whole number")
    digits = text.lstrip("+-").lstrip("0")
    if len(digits) > MAX_DIGITS:
        raise Malformed(f"Quantity {text[:40]!r} has more than {MAX_DIGITS} digits")
    return -int(digits or "0") if text.startswith("-") else int(digits or "0")


@lru_cache(4096)
def _price(text: str) -> Decimal:
    match = _DECIMAL.fullmatch(text)
    if not match:
        raise Malformed(f"UnitPrice {text[:40]!r} is no plain decimal number")
    if len(match[1].lstrip("0")) > MAX_DIGITS or len((match[2] or "").rstrip("0")) > MAX_DIGITS:
        raise Malformed(f"UnitPrice {text[:40]!r} has more than {MAX_DIGITS} digits on a side of the point")
    return Decimal(text)


@lru_cache(4096)
def _date(text: str) -> Moment:
    match = _DATE.fullmatch(text)
    if not match:
        raise Malformed(f"InvoiceDate {text[:40]!r} is not of the form YYYY-MM-DD HH:MM[:SS]")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"InvoiceDate {text!r} is no real time: {error}") from None

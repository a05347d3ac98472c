"""Slips of the pen, each spoiling one row of an order. About half of them make the row malformed."""

from collections.abc import Callable
from datetime import datetime, timedelta

from .rows import Row


def _later_minute(row: Row) -> Row:
    when = datetime.fromisoformat(row.invoice_date) + timedelta(minutes=1)
    return row._replace(invoice_date=when.isoformat(" ", "seconds"))


# Malformed: an importer must refuse these.
MALFORMED: tuple[Callable[[Row], Row], ...] = (
    lambda row: row._replace(stock_code=""),
    lambda row: row._replace(invoice_no=""),
    lambda row: row._replace(quantity="a dozen"),
    lambda row: row._replace(quantity="1.5"),
    lambda row: row._replace(unit_price="n/a"),
    lambda row: row._replace(unit_price=f"£{row.unit_price}"),
    lambda row: row._replace(invoice_date="2024-02-30 10:15:00"),
    lambda row: row._replace(invoice_date="yesterday"),
    lambda row: row._replace(quantity=""),
)

# Untidy: an importer must accept these.
UNTIDY: tuple[Callable[[Row], Row], ...] = (
    lambda row: row._replace(description=""),
    lambda row: row._replace(stock_code=row.stock_code.lower()),
    lambda row: row._replace(stock_code=f" {row.stock_code} ", quantity=f"{row.quantity}  "),
    lambda row: row._replace(invoice_no=f" {row.invoice_no}", country=f"{row.country} "),
    lambda row: row._replace(invoice_date=row.invoice_date.removesuffix(":00")),
    lambda row: row._replace(description=f'{row.description.strip()}, "SECONDS"'),
    lambda row: row._replace(country=""),
    _later_minute,
)

SPOILS = tuple(s for pair in zip(MALFORMED, UNTIDY, strict=False) for s in pair) + MALFORMED[len(UNTIDY) :]

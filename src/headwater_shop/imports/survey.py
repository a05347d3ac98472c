"""The first look at a transactions file: where each invoice ends, and what products it sells.

An invoice's rows may be scattered over the file; knowing its last row, the importer can gather exactly one command for
each invoice while it holds only the invoices in progress. A damaged file shows here, before anything is written.
"""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from headwater_shop.domain.invoice import Kind
from headwater_shop.domain.shared import Moment
from headwater_shop.imports.reader import Record, TransactionsFile
from headwater_shop.imports.rows import Malformed, Row, parse


class Novelty(NamedTuple):
    """A product at its first described sale in the file."""

    stock_code: str
    name: str
    price: Decimal
    at: Moment


class Survey(NamedTuple):
    """`last_row` numbers (from 0) the last row of each invoice; `products` are in the order of their first sale."""

    last_row: dict[str, int]
    products: list[Novelty]


async def survey(file: TransactionsFile, tick: Callable[[], None]) -> Survey:
    """Look at the whole file, letting others work in between. Raises MalformedData."""
    last_row: dict[str, int] = {}
    products: dict[str, Novelty] = {}
    for number, record in enumerate(file.records()):
        if number % 1000 == 0:
            tick()
            await asyncio.sleep(0)
        if not record.fields:
            continue
        last_row[record.fields[0].strip()] = number
        code = record.fields[1].strip() if len(record.fields) > 1 else ""
        if code not in products and is_catalogue_code(code):
            _note(products, record)
    return Survey(last_row, list(products.values()))


def is_catalogue_code(stock_code: str) -> bool:
    """Goods have codes that begin with a digit; the others are postage, fees, vouchers. Codes with small letters are
    slips of the pen: they count in the report as written, but not as products of their own."""
    return stock_code[:1].isdigit() and stock_code == stock_code.upper()


def _note(products: dict[str, Novelty], record: Record) -> None:
    try:
        row: Row = parse(record.fields)
    except Malformed:
        return
    line = row.line
    if row.kind is Kind.SALE and line.name:
        products[line.stock_code] = Novelty(line.stock_code, line.name, line.unit_price, row.at)

"""A retailer's year, made up: transactions in the format of the Online Retail data, dirt included."""

import csv
import gzip
import heapq
import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain, count
from pathlib import Path
from typing import TextIO

from . import figures
from .draw import Shelf, buyers, moments
from .invoices import bad_debt, fee, sale, sent_back, stock_taking
from .rows import HEADER, Invoice, Row
from .spoil import SPOILS

ORDERS = 850  # some 22,000 rows
START = date(2024, 1, 1)
DAYS = 365
_FIRST_INVOICE = 700001  # above the real data's


def generate(seed: int = 1, orders: int = ORDERS, start: date = START, days: int = DAYS) -> Iterator[Row]:
    """Yield the rows of so many orders and what follows from them, invoices in time order.

    The same arguments give the same rows, in any process. Returns that would come after the last day are left out.
    Raises ValueError when there are orders but no trading day to place them on.
    """
    rng = random.Random(seed)
    shelf = Shelf(rng)
    placed = zip(moments(rng, orders, start, days), buyers(rng, orders), strict=True)
    made = (_around(rng, shelf, n, sale(rng, shelf, *order)) for n, order in enumerate(placed))
    ordered = _in_time_order(made, datetime.combine(start + timedelta(days), time()))
    return chain.from_iterable(_written(rng, ordered))


def write_csv(path: str | Path, seed: int = 1, orders: int = ORDERS, start: date = START, days: int = DAYS) -> int:
    """Write the generated rows to a CSV file, gzipped when its name ends in .gz; return how many rows."""
    rows = list(generate(seed, orders, start, days))
    with _open(Path(path)) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEADER)
        out.writerows(rows)
    return len(rows)


def _around(rng: random.Random, shelf: Shelf, number: int, order: Invoice) -> list[Invoice]:
    """Return an order, first, and the other invoices that it gives rise to."""
    found = [order]
    if rng.random() < figures.RETURNS:
        credit = rng.random() < figures.FEES
        found.append(fee(rng, order.when, order.buyer) if credit else sent_back(rng, order))
    if rng.random() < figures.ADJUSTMENTS:
        found.append(stock_taking(rng, shelf, order.when))
    if number % figures.BAD_DEBT_EVERY == figures.BAD_DEBT_EVERY // 20:
        found += bad_debt(rng, order.when)
    return found


def _in_time_order(made: Iterator[list[Invoice]], end: datetime) -> Iterator[Invoice]:
    """Merge what follows from orders between them; orders come in time order, and nothing precedes its order."""
    waiting: list[tuple[datetime, int, Invoice]] = []
    ticket = count()
    for invoices in made:
        while waiting and waiting[0][0] < invoices[0].when:
            yield heapq.heappop(waiting)[2]
        for invoice in invoices:
            if invoice.when < end:
                heapq.heappush(waiting, (invoice.when, next(ticket), invoice))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _written(rng: random.Random, invoices: Iterator[Invoice]) -> Iterator[list[Row]]:
    """Number the invoices and, in every so many, spoil a row."""
    spoils = 0
    for index, invoice in enumerate(invoices):
        rows = invoice.rows(_FIRST_INVOICE + index)
        if index % figures.SPOILT_EVERY == figures.SPOILT_EVERY - 1:
            at = rng.randrange(len(rows))
            rows[at] = SPOILS[spoils % len(SPOILS)](rows[at])
            spoils += 1
        yield rows


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")

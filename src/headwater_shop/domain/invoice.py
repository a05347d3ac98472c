"""An invoice of imported history: what was sold, returned and adjusted under one invoice number, as it happened.

History is accepted, not judged: no stock, no payment. Rows are known by what they say, not by the file or line they
came in. One file may hold the same row several times, and each counts; a file that brings a row which is recorded
already (the same file again, or another that overlaps it) adds only what goes beyond the recorded count.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple, assert_never

import msgspec

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.shared import Line, Moment, stream_part, total

MAX_LINES: Final = 1000
MAX_CHARS: Final = 100_000
"""Bounds of one event, far below the store's limit; longer sections are recorded in several events."""

# Events


@event("order.imported")
class OrderImported:
    """A historical sale. An invoice with rows of several minutes, customers or countries has several of these."""

    order_id: str
    customer_id: str
    country: str
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


@event("return.imported")
class ReturnImported:
    """A historical return. Quantities and `total` stand as in the file: negative, as a rule."""

    invoice_no: str
    customer_id: str
    country: str
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


@event("adjustment.imported")
class AdjustmentImported:
    """Rows that are neither sale nor return: stock found or lost, bad debts, gifts."""

    invoice_no: str
    customer_id: str
    country: str
    lines: tuple[Line, ...]
    total: Decimal
    at: Moment


InvoiceEvent = OrderImported | ReturnImported | AdjustmentImported


class Kind(Enum):
    """What a row is."""

    SALE = "sale"
    RETURN = "return"
    ADJUSTMENT = "adjustment"


# State


class Invoice(msgspec.Struct, frozen=True):
    """The invoice's events so far; rows are only counted when there is something to compare."""

    events: tuple[InvoiceEvent, ...] = ()


def evolve(invoice: Invoice, event: InvoiceEvent) -> Invoice:
    return Invoice((*invoice.events, event))


# Commands


class Section(msgspec.Struct, frozen=True, gc=False):
    """Rows of one kind, time, customer and country, ordered by stock code."""

    kind: Kind
    customer_id: str
    country: str
    lines: tuple[Line, ...]
    at: Moment


@command("invoice.import")
class ImportInvoice:
    """All rows that one file has under an invoice number."""

    invoice_no: str
    sections: tuple[Section, ...]


# Decide


def decide(command: ImportInvoice, invoice: Invoice) -> Sequence[InvoiceEvent]:
    known = Counter(chain.from_iterable(_rows_of(event) for event in invoice.events))
    fresh = [_without(section, known) for section in command.sections] if known else command.sections
    return tuple(_event(command.invoice_no, section, lines) for section in fresh for lines in _portions(section.lines))


class _Row(NamedTuple):
    """A row's identity."""

    kind: Kind
    customer_id: str
    country: str
    at: Moment
    line: Line


def _rows_of(event: InvoiceEvent) -> Iterator[_Row]:
    kind = _kind_of(event)
    return (_Row(kind, event.customer_id, event.country, event.at, line) for line in event.lines)


def _kind_of(event: InvoiceEvent) -> Kind:
    match event:
        case OrderImported():
            return Kind.SALE
        case ReturnImported():
            return Kind.RETURN
        case AdjustmentImported():
            return Kind.ADJUSTMENT
        case _:
            assert_never(event)


def _without(section: Section, known: Counter[_Row]) -> Section:
    """The section without the rows known already, each of which is taken off `known`."""
    left = tuple(line for line in section.lines if not _take(known, section, line))
    return Section(section.kind, section.customer_id, section.country, left, section.at)


def _take(known: Counter[_Row], section: Section, line: Line) -> bool:
    row = _Row(section.kind, section.customer_id, section.country, section.at, line)
    if known[row] == 0:
        return False
    known[row] -= 1
    return True


def _portions(lines: Sequence[Line]) -> Iterable[tuple[Line, ...]]:
    """The lines in runs within the bounds of an event."""
    if len(lines) <= MAX_LINES and sum(len(line.stock_code) + len(line.name) for line in lines) <= MAX_CHARS:
        return (tuple(lines),) if lines else ()
    return _runs(lines)


def _runs(lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    run: list[Line] = []
    room = MAX_CHARS
    for line in lines:
        size = len(line.stock_code) + len(line.name)
        if run and (len(run) == MAX_LINES or size > room):
            yield tuple(run)
            run, room = [], MAX_CHARS
        run.append(line)
        room -= size
    yield tuple(run)


def _event(invoice_no: str, section: Section, lines: tuple[Line, ...]) -> InvoiceEvent:
    facts = (invoice_no, section.customer_id, section.country, lines, total(lines), section.at)
    match section.kind:
        case Kind.SALE:
            return OrderImported(*facts)
        case Kind.RETURN:
            return ReturnImported(*facts)
        case Kind.ADJUSTMENT:
            return AdjustmentImported(*facts)
        case _:
            assert_never(section.kind)


# Decider

invoices = Decider(
    "invoice",
    initial=Invoice,
    decide=bounded(decide, last_year=9999),
    evolve=evolve,
    stream=lambda command: stream_part(command.invoice_no),
)

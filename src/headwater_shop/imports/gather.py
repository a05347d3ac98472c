"""From the rows of a file to commands: one for each invoice, one for each product, few for what is rejected."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Final

from headwater_shop.domain.invoice import ImportInvoice, Kind, Section
from headwater_shop.domain.product import EnsureListed
from headwater_shop.domain.rejection import RejectedRow, RejectRows, bucket_of
from headwater_shop.domain.shared import Line, Moment
from headwater_shop.imports.categories import category_of
from headwater_shop.imports.reader import Record, TransactionsFile
from headwater_shop.imports.rows import Malformed, Row, parse
from headwater_shop.imports.survey import Novelty

ImportCommand = EnsureListed | ImportInvoice | RejectRows

MAX_PENDING_REJECTS: Final = 20_000
_SHOWN_CHARS: Final = 500

_Head = tuple[Kind, str, str, Moment]
_by_stock_code = attrgetter("stock_code")


def listing(product: Novelty, opening_stock: int | None) -> EnsureListed:
    """The command that puts a product of the file into the catalogue."""
    category = category_of(product.name)
    return EnsureListed(product.stock_code, product.name, category, product.price, product.at, on_hand=opening_stock)


class Gatherer:
    """Reads the file's records once and yields commands as soon as they are complete.

    `rows` and `rejected` count what was read so far. Equal rejected rows of the file are numbered from 1.
    """

    def __init__(self, file: TransactionsFile, last_row: dict[str, int], tick: Callable[[], None]) -> None:
        self.rows = 0
        self.rejected = 0
        self._file = file
        self._last_row = last_row
        self._tick = tick
        self._open: dict[str, dict[_Head, list[Line]]] = {}
        self._rejects: list[RejectedRow] = []
        self._seen: Counter[str] = Counter()

    def commands(self) -> Iterator[ImportInvoice | RejectRows]:
        for number, record in enumerate(self._file.records()):
            if number % 500 == 0:
                self._tick()
            self.rows += 1
            invoice_no = record.fields[0].strip() if record.fields else ""
            self._take(record)
            if self._last_row.get(invoice_no) == number and invoice_no in self._open:
                yield self._close(invoice_no)
            if len(self._rejects) >= MAX_PENDING_REJECTS:
                yield from self._flush_rejects()
        # Only a file that changed since the survey leaves invoices open.
        yield from map(self._close, list(self._open))
        yield from self._flush_rejects()

    def _take(self, record: Record) -> None:
        if record.error:
            return self._reject(record, record.error)
        try:
            row = parse(record.fields)
        except Malformed as malformed:
            return self._reject(record, str(malformed))
        sections = self._open.setdefault(row.invoice_no, {})
        sections.setdefault(_head(row), []).append(row.line)
        return None

    def _close(self, invoice_no: str) -> ImportInvoice:
        sections = self._open.pop(invoice_no).items()
        return ImportInvoice(invoice_no, tuple(_section(head, lines) for head, lines in sections))

    def _reject(self, record: Record, reason: str) -> None:
        self.rejected += 1
        text = ",".join(record.fields)
        digest = hashlib.sha256("\0".join(record.fields or [record.error]).encode()).hexdigest()[:32]
        self._seen[digest] += 1
        self._rejects.append(RejectedRow(digest, self._seen[digest], record.line, reason, text[:_SHOWN_CHARS]))

    def _flush_rejects(self) -> Iterator[RejectRows]:
        buckets: defaultdict[str, list[RejectedRow]] = defaultdict(list)
        for row in self._rejects:
            buckets[bucket_of(row.digest)].append(row)
        self._rejects = []
        return (RejectRows(bucket, self._file.path.name, tuple(rows)) for bucket, rows in buckets.items())


def _head(row: Row) -> _Head:
    return row.kind, row.customer_id, row.country, row.at


def _section(head: _Head, lines: Sequence[Line]) -> Section:
    kind, customer_id, country, at = head
    return Section(kind, customer_id, country, tuple(sorted(lines, key=_by_stock_code)), at)

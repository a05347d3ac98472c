"""The import of a transactions file, through commands and deciders, many at once so that they share the disk's sync.

Killed at any point and run again it completes the work; a second import of the same file changes nothing.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from headwater import Executed, Runtime
from headwater.clock import SystemClock
from headwater.codec import command_name
from headwater_shop.domain.invoice import ImportInvoice, Kind
from headwater_shop.domain.rejection import RejectRows
from headwater_shop.event_driven.views import caught_up
from headwater_shop.imports.gather import Gatherer, ImportCommand, listing
from headwater_shop.imports.reader import TransactionsFile
from headwater_shop.imports.survey import survey

CONCURRENCY: Final = 256
OPENING_STOCK: Final = 250
"""Imported products start with so many on the shelf, so that the shop can sell them."""

_SURVEY_SHARE: Final = 0.1

Progress = Callable[[int, int], None]


class ImportResult(msgspec.Struct, frozen=True):
    """What the file held, and how many of its rows were recorded before (`skipped_as_known`)."""

    rows: int
    rejected: int
    orders: int
    returns: int
    adjustment_rows: int
    skipped_as_known: int
    seconds: float


async def import_file(
    runtime: Runtime,
    path: str | Path,
    progress: Progress | None = None,
    *,
    opening_stock: int | None = OPENING_STOCK,
) -> ImportResult:
    """Import a file (CSV, plain or gzipped) and return when the shop's views show it.

    `progress` is told the bytes done and the bytes in all. Raises OSError and MalformedData before anything is
    written, StoreError when the store cannot go on; what was imported by then stays and is not imported again.
    """
    clock = SystemClock()
    began = clock.monotonic()
    tally = _Tally()
    gatherer = await _import(runtime, Path(path), progress or _silent, opening_stock, tally)
    await caught_up(runtime)
    return ImportResult(
        gatherer.rows,
        gatherer.rejected,
        tally.orders,
        tally.returns,
        tally.adjustment_rows,
        tally.known,
        clock.monotonic() - began,
    )


async def _import(
    runtime: Runtime, path: Path, progress: Progress, opening_stock: int | None, tally: "_Tally"
) -> Gatherer:
    with TransactionsFile(path) as file:
        found = await survey(file, lambda: progress(int(file.done * _SURVEY_SHARE), file.size))
    with TransactionsFile(path) as file:
        gatherer = Gatherer(file, found.last_row, lambda: progress(_weighted(file), file.size))
        products = (listing(product, opening_stock) for product in found.products)
        await _execute_all(runtime, chain(products, gatherer.commands()), tally)
        progress(file.size, file.size)
    return gatherer


def _silent(done: int, total: int) -> None:
    pass


def _weighted(file: TransactionsFile) -> int:
    return int(file.size * _SURVEY_SHARE + file.done * (1 - _SURVEY_SHARE))


async def _execute_all(runtime: Runtime, commands: Iterator[ImportCommand], tally: "_Tally") -> None:
    """Workers pull from the one iterator: nothing is read before somebody has a hand free for it."""

    async def work() -> None:
        for command in commands:
            tally.add(command, await runtime.execute(command, id=command_id(command)))

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(CONCURRENCY):
                group.create_task(work(), name=f"import-{number}")
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


def command_id(command: ImportCommand) -> str:
    """The same for the same content, whatever file and line it stands in."""
    name = command_name(command.__class__)
    return f"import-{hashlib.sha256(name.encode() + b' ' + msgspec.json.encode(command)).hexdigest()[:40]}"


class _Tally:
    """Counts while the commands are executed."""

    def __init__(self) -> None:
        self.orders = self.returns = self.adjustment_rows = self.known = 0

    def add(self, command: ImportCommand, done: Executed) -> None:
        recorded = () if done.repeated else done.events
        match command:
            case ImportInvoice():
                self._add_invoice(command)
                rows = sum(len(section.lines) for section in command.sections)
                self.known += rows - sum(len(event.lines) for event in recorded)
            case RejectRows():
                self.known += len(command.rows) - len(recorded)

    def _add_invoice(self, command: ImportInvoice) -> None:
        kinds = {section.kind for section in command.sections}
        self.orders += Kind.SALE in kinds
        self.returns += Kind.RETURN in kinds
        self.adjustment_rows += sum(len(s.lines) for s in command.sections if s.kind is Kind.ADJUSTMENT)

"""Which card pays which order, where the pages and the payments service are different processes.

A card is none of an event's business: events are for all to read, and for good. Nor is it handed to the bank by whoever
takes an order, who would then need the bank to answer. So it waits in a file of its own until the payment is taken.
"""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Protocol

_TABLE = "CREATE TABLE IF NOT EXISTS card (order_id TEXT PRIMARY KEY, card TEXT NOT NULL) WITHOUT ROWID"
_PUT = "INSERT INTO card VALUES (?, ?) ON CONFLICT (order_id) DO UPDATE SET card = excluded.card"
WAIT = 5.0  # seconds for another process to be done with the file


class Cards(Protocol):
    """Who learns which card pays which order."""

    async def put(self, order_id: str, card: str) -> None:
        """From now on, payments of the order are to be taken from the card of that id."""


class _Batch:
    """What is put together."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.written = False


class Vault:
    """Cards by order, in an SQLite file that any number of processes open. What is put there is there for good; what
    comes while the disk is at work goes there together."""

    def __init__(self, file: Path) -> None:
        self._writer, self._reader = _opened(file), _opened(file)
        self._turn = asyncio.Lock()
        self._writing = threading.Lock()  # whoever waited for the thread may have been cancelled, and the next one come
        self._batch = _Batch()

    async def put(self, order_id: str, card: str) -> None:
        batch = self._batch
        batch.rows.append((order_id, card))
        async with self._turn:
            if not batch.written:  # by the one of it who came first, unless that failed or was cancelled
                if batch is self._batch:
                    self._batch = _Batch()
                await asyncio.to_thread(self._write, batch.rows)
                batch.written = True

    def _write(self, rows: list[tuple[str, str]]) -> None:
        with self._writing, self._writer:
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany(_PUT, rows)

    async def card_of(self, order_id: str) -> str:
        """The card of an order; '' where nobody picked one."""
        row = self._reader.execute("SELECT card FROM card WHERE order_id = ?", (order_id,)).fetchone()
        return "" if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()


def _opened(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=WAIT, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_TABLE)
    return connection

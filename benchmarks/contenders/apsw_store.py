"""A hand-written event store on apsw: one table, WAL, every commit fsynced."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import apsw

Row = tuple[str, int, str, str]
"""Stream, version, type, data (JSON)."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (stream, version)
)
"""
INSERT = "INSERT INTO event (stream, version, type, data) VALUES (?, ?, ?, ?)"


def connect(path: Path) -> apsw.Connection:
    """In WAL with synchronous=FULL a commit returns only after its fsync."""
    db = apsw.Connection(str(path))
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):  # one by one: apsw runs a statement only when iterated to
        db.execute(f"PRAGMA {pragma}").fetchall()
    return db


def open_store(path: Path) -> apsw.Connection:
    db = connect(path)
    db.execute(SCHEMA)
    return db


def commit_each(db: apsw.Connection, rows: Sequence[Row]) -> list[int | Exception]:
    """One transaction, each row judged on its own: its position, or its conflict."""
    results: list[int | Exception] = []
    db.execute("BEGIN IMMEDIATE")
    for row in rows:
        try:
            db.execute(INSERT, row)
        except apsw.ConstraintError as conflict:
            results.append(conflict)
        else:
            results.append(db.last_insert_rowid())
    db.execute("COMMIT")
    return results


def commit_all(db: apsw.Connection, rows: Iterable[Row]) -> None:
    """One transaction: all rows or none."""
    with db:
        db.executemany(INSERT, rows)

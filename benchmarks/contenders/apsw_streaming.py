"""stream-*: a topic by hand on apsw: one table in one order, WAL, every commit fsynced. Modes: publish, consume."""

import time
from collections.abc import Iterable
from pathlib import Path

import apsw

from benchmarks.contender import fresh_copy, options, per_second, play
from benchmarks.contenders.apsw_store import connect
from benchmarks.workload import STREAM_BATCH, aggregate, event_json, stream_records

OPTIONS = options()
RECORDS = stream_records(OPTIONS.quick)

SCHEMA = (
    "CREATE TABLE record (offset INTEGER PRIMARY KEY, key TEXT, value BLOB NOT NULL)",
    "CREATE TABLE committed (name TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO committed VALUES ('workers', 0)",
)
INSERT = "INSERT INTO record (key, value) VALUES (?, ?)"
PAGE = "SELECT offset, key, value FROM record WHERE offset > ? ORDER BY offset LIMIT ?"
COMMIT = "UPDATE committed SET offset = ? WHERE name = 'workers'"

ROWS = [(aggregate(n), event_json(n).encode()) for n in range(10_000)]


def open_topic(path: Path) -> apsw.Connection:
    db = connect(path)
    for statement in SCHEMA:
        db.execute(statement)
    return db


def insert(db: apsw.Connection, rows: Iterable[tuple[str, bytes]]) -> None:
    with db:
        db.executemany(INSERT, rows)


def publish(directory: Path) -> float:
    """Batches of 500, one transaction each."""
    db = open_topic(directory / "topic.db")

    def one(k: int) -> None:
        start = k * STREAM_BATCH % len(ROWS)
        insert(db, ROWS[start : start + STREAM_BATCH])

    try:
        return per_second(one, OPTIONS.seconds) * STREAM_BATCH
    finally:
        db.close()


def populate(path: Path) -> Path:
    db = open_topic(path)
    for _ in range(0, RECORDS, len(ROWS)):
        insert(db, ROWS)
    db.close()
    return path


def consume(store: Path) -> float:
    """All that is there, in pages of 500, with a commit after each."""
    db = connect(store)
    start, reached, found = time.perf_counter(), 0, 0
    while page := db.execute(PAGE, (reached, STREAM_BATCH)).fetchall():
        found += len(page)
        reached = page[-1][0]
        db.execute(COMMIT, (reached,))
    elapsed = time.perf_counter() - start
    assert found == RECORDS
    db.close()
    return RECORDS / elapsed


def main() -> None:
    if OPTIONS.mode == "publish":
        play(publish)
    else:
        filled = populate(OPTIONS.dir / "topic.db")
        play(lambda directory: consume(fresh_copy(filled, directory)))


if __name__ == "__main__":
    main()

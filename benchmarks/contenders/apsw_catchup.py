"""catchup: a keyed view by hand with apsw and msgspec: batches of 1,000, the checkpoint in the view's transaction."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw
import msgspec

from benchmarks.contender import fresh_copy, options, play
from benchmarks.contenders.apsw_store import commit_all, connect, open_store
from benchmarks.workload import BATCH, EVENT_TYPE, aggregate, catchup_events, event_json

OPTIONS = options()
EVENTS = catchup_events(OPTIONS.quick)

SCHEMA = (
    "CREATE TABLE spending (customer_id TEXT PRIMARY KEY, items INTEGER, total INTEGER, last TEXT) WITHOUT ROWID",
    "CREATE TABLE checkpoint (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO checkpoint VALUES ('spending', 0)",
)
PAGE = "SELECT position, data FROM event WHERE position > ? ORDER BY position LIMIT ?"
ROWS = "SELECT customer_id, items, total, last FROM spending WHERE customer_id IN (SELECT value FROM json_each(?))"
UPSERT = "REPLACE INTO spending VALUES (?, ?, ?, ?)"
ADVANCE = "UPDATE checkpoint SET position = ? WHERE name = 'spending' AND position = ?"


class ItemAdded(msgspec.Struct):
    """Only the fields the view needs; msgspec skips the others."""

    customer_id: str
    quantity: int
    price_pence: int
    at: str


DECODE = msgspec.json.Decoder(list[ItemAdded]).decode
Spending = tuple[int, int, str]


def populate(path: Path) -> Path:
    db = open_store(path)
    for start in range(0, EVENTS, 10_000):
        numbers = range(start, start + 10_000)
        commit_all(db, ((aggregate(n), n // 1_000 + 1, EVENT_TYPE, event_json(n)) for n in numbers))
    db.close()
    return path


def fold(rows: dict[str, Spending], events: Iterable[ItemAdded]) -> None:
    for event in events:
        items, total, _ = rows.get(event.customer_id, (0, 0, ""))
        rows[event.customer_id] = (items + 1, total + event.quantity * event.price_pence, event.at)


def step(db: apsw.Connection, position: int) -> int:
    """One batch in one transaction: answers the new position, the old one at the end."""
    page: list[tuple[Any, ...]] = db.execute(PAGE, (position, BATCH)).fetchall()
    if not page:
        return position
    events = DECODE("[" + ",".join([data for _, data in page]) + "]")
    keys = msgspec.json.encode({event.customer_id for event in events}).decode()
    rows = {key: (items, total, last) for key, items, total, last in db.execute(ROWS, (keys,))}
    fold(rows, events)
    db.executemany(UPSERT, [(key, *row) for key, row in rows.items()])
    db.execute(ADVANCE, (page[-1][0], position))
    if db.changes() != 1:
        raise RuntimeError("another runner moved the checkpoint")
    return int(page[-1][0])


def run(store: Path) -> float:
    db = connect(store)
    for statement in SCHEMA:
        db.execute(statement)
    start, position, before = time.perf_counter(), 0, -1
    while position != before:
        before = position
        with db:
            position = step(db, position)
    elapsed = time.perf_counter() - start
    assert db.execute("SELECT sum(items) FROM spending").get == EVENTS
    db.close()
    return EVENTS / elapsed


def main() -> None:
    filled = populate(OPTIONS.dir / "events.db")
    play(lambda directory: run(fresh_copy(filled, directory)))


if __name__ == "__main__":
    main()

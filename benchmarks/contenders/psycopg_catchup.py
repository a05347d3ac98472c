"""pg-catchup: a keyed view by hand with psycopg and msgspec, in batches of 1,000, with its checkpoint."""

import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psycopg

from benchmarks.contender import options, play
from benchmarks.contenders.pg import copied, with_table
from benchmarks.workload import BATCH, aggregate, event_json, pg_catchup_events

OPTIONS = options()
EVENTS = pg_catchup_events(OPTIONS.quick)

SCHEMA = """
CREATE TABLE spending (customer_id text PRIMARY KEY, items bigint, total bigint, last text);
CREATE TABLE checkpoint (name text PRIMARY KEY, position bigint NOT NULL);
INSERT INTO checkpoint VALUES ('spending', 0);
"""
COPY = "COPY event (stream, version, kind, time, data, meta) FROM STDIN"
PAGE = "SELECT position, data FROM event WHERE position > %s ORDER BY position LIMIT %s"
ROWS = "SELECT customer_id, items, total, last FROM spending WHERE customer_id = ANY (%s)"
UPSERT = """
INSERT INTO spending SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[])
ON CONFLICT (customer_id) DO UPDATE SET items = excluded.items, total = excluded.total, last = excluded.last
"""
ADVANCE = "UPDATE checkpoint SET position = %s WHERE name = 'spending' AND position = %s"


class ItemAdded(msgspec.Struct):
    """Only the fields the view needs; msgspec skips the others."""

    customer_id: str
    quantity: int
    price_pence: int
    at: str


DECODE = msgspec.json.Decoder(list[ItemAdded]).decode
Spending = tuple[int, int, str]


def populate(directory: Path) -> str:
    url = with_table(directory)
    with psycopg.connect(url) as connection, connection.cursor().copy(COPY) as rows:
        for n in range(EVENTS):
            rows.write_row((aggregate(n), n // 1_000 + 1, 0, 1, event_json(n), ""))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE event")
    return url


def fold(rows: dict[str, Spending], events: Iterable[ItemAdded]) -> None:
    for event in events:
        items, total, _ = rows.get(event.customer_id, (0, 0, ""))
        rows[event.customer_id] = (items + 1, total + event.quantity * event.price_pence, event.at)


def step(connection: "psycopg.Connection[tuple[int, str]]", position: int) -> int:
    """One batch in one transaction: answers the new position, the old one at the end."""
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        page = connection.execute(PAGE, (position, BATCH), prepare=True).fetchall()
        if not page:
            return position
        events = DECODE("[" + ",".join([data for _, data in page]) + "]")
        keys = list({event.customer_id for event in events})
        found = connection.execute(ROWS, (keys,), prepare=True)
        rows = {key: (items, total, last) for key, items, total, last in found}  # type: ignore[misc]
        fold(rows, events)
        columns = [list(column) for column in zip(*((key, *row) for key, row in rows.items()), strict=True)]
        connection.execute(UPSERT, columns, prepare=True)
        if connection.execute(ADVANCE, (page[-1][0], position), prepare=True).rowcount != 1:
            raise RuntimeError("another runner moved the checkpoint")
        return page[-1][0]


def run(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SCHEMA)
        start, position, before = time.perf_counter(), 0, -1
        while position != before:
            before = position
            position = step(connection, position)
        elapsed = time.perf_counter() - start
        row = connection.execute("SELECT sum(items) FROM spending").fetchone()
        assert row is not None
        assert row[0] == EVENTS
    return EVENTS / elapsed


def main() -> None:
    filled = populate(OPTIONS.dir)
    play(lambda directory: run(copied(filled, directory)))


if __name__ == "__main__":
    main()

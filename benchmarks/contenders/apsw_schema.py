"""schema-verify: a bare loop with apsw and msgspec: batches of 1,000 read, joined and decoded in one step each."""

import time
from pathlib import Path

import msgspec

from benchmarks.contender import fresh_copy, play
from benchmarks.contenders.apsw_catchup import EVENTS, OPTIONS, PAGE, populate
from benchmarks.contenders.apsw_store import connect
from benchmarks.workload import BATCH


class Item(msgspec.Struct, frozen=True):
    """All fields, without a tag: these events have none."""

    item_id: str
    customer_id: str
    sku: str
    description: str
    quantity: int
    price_pence: int
    at: str


DECODE = msgspec.json.Decoder(list[Item]).decode


def run(store: Path) -> float:
    db = connect(store)
    start, position, count = time.perf_counter(), 0, 0
    while page := db.execute(PAGE, (position, BATCH)).fetchall():
        count += len(DECODE("[" + ",".join([data for _, data in page]) + "]"))
        position = page[-1][0]
    elapsed = time.perf_counter() - start
    assert count == EVENTS
    db.close()
    return EVENTS / elapsed


def main() -> None:
    filled = populate(OPTIONS.dir / "events.db")
    play(lambda directory: run(fresh_copy(filled, directory)))


if __name__ == "__main__":
    main()

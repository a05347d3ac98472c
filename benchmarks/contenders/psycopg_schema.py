"""pg-schema-verify: a bare loop with psycopg and msgspec: batches of 1,000, joined and decoded in one step each."""

import time

import msgspec
import psycopg

from benchmarks.contender import play
from benchmarks.contenders.pg import copied
from benchmarks.contenders.psycopg_catchup import EVENTS, OPTIONS, PAGE, populate
from benchmarks.workload import BATCH


class Item(msgspec.Struct, frozen=True):
    """All fields."""

    item_id: str
    customer_id: str
    sku: str
    description: str
    quantity: int
    price_pence: int
    at: str


DECODE = msgspec.json.Decoder(list[Item]).decode


def run(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        start, position, count = time.perf_counter(), 0, 0
        while page := connection.execute(PAGE, (position, BATCH), prepare=True).fetchall():
            count += len(DECODE("[" + ",".join([data for _, data in page]) + "]"))
            position = page[-1][0]
        elapsed = time.perf_counter() - start
        assert count == EVENTS
    return EVENTS / elapsed


def main() -> None:
    filled = populate(OPTIONS.dir)
    play(lambda directory: run(copied(filled, directory)))


if __name__ == "__main__":
    main()

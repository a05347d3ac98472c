"""load-fold: the hand-written one-step read: a stream's events lie together and come as one JSON array."""

from functools import reduce
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from benchmarks.contender import options, per_second, play
from benchmarks.contenders.apsw_store import connect
from benchmarks.workload import AGGREGATES, EVENTS_PER_AGGREGATE, aggregate, event, far_apart

OPTIONS = options()

CLUSTERED = """
CREATE TABLE event (stream TEXT, version INTEGER, data TEXT, PRIMARY KEY (stream, version)) WITHOUT ROWID
"""
INSERT = "INSERT INTO event VALUES (?, ?, ?)"
LOAD = "SELECT '[' || group_concat(data) || ']' FROM (SELECT data FROM event WHERE stream = ? ORDER BY version)"


class ItemAdded(msgspec.Struct, frozen=True, tag="item.added"):
    """Tagged, as the events of an aggregate with several types have to be."""

    item_id: str
    customer_id: str
    sku: str
    description: str
    quantity: int
    price_pence: int
    at: str


class Cart(NamedTuple):
    items: int = 0
    total: int = 0
    last: str = ""


DECODE = msgspec.json.Decoder(list[ItemAdded]).decode


def evolve(cart: Cart, event: ItemAdded) -> Cart:
    return Cart(cart.items + 1, cart.total + event.quantity * event.price_pence, event.at)


def populate(path: Path) -> Path:
    """Appends round-robin, so that an aggregate's events were never neighbours in time."""
    db = connect(path)
    db.execute(CLUSTERED)
    encode = msgspec.json.encode
    with db:
        for n in range(AGGREGATES * EVENTS_PER_AGGREGATE):
            row = (aggregate(n), n // AGGREGATES + 1, encode(ItemAdded(**event(n))).decode())
            db.execute(INSERT, row)
    db.close()
    return path


def load(db: apsw.Connection, stream: str) -> Cart:
    return reduce(evolve, DECODE(db.execute(LOAD, (stream,)).get), Cart())


def load_one(db: apsw.Connection, k: int) -> None:
    assert load(db, aggregate(far_apart(k))).items == EVENTS_PER_AGGREGATE


def main() -> None:
    db = connect(populate(OPTIONS.dir / "events.db"))
    play(lambda _: per_second(lambda k: load_one(db, k), OPTIONS.seconds) * EVENTS_PER_AGGREGATE)


if __name__ == "__main__":
    main()

"""eventsourcing's cart, as its documentation would write it, and a store filled with 1,000 of them."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent

from benchmarks.workload import AGGREGATES, EVENTS_PER_AGGREGATE
from benchmarks.workload import aggregate as aggregate_name
from benchmarks.workload import event as event_data

SPACE = UUID(int=1)
IDS = [uuid5(SPACE, aggregate_name(n)) for n in range(AGGREGATES)]


class Cart(Aggregate):
    @event("Opened")
    def __init__(self) -> None:
        self.items = 0
        self.total = 0
        self.last = ""

    @event("ItemAdded")
    def add(
        self, item_id: str, customer_id: str, sku: str, description: str, quantity: int, price_pence: int, at: str
    ) -> None:
        self.items += 1
        self.total += quantity * price_pence
        self.last = at


class Carts(Application[UUID]):
    """No cache of aggregates and no snapshots: every load reads the events, as in all contenders."""


def open_carts(path: Path) -> Carts:
    return Carts(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(path)})


def one_cart(carts: Carts) -> list[StoredEvent]:
    """The stored events of a cart: it opens, then 99 items are added."""
    cart = Cart()
    for n in range(EVENTS_PER_AGGREGATE - 1):
        cart.add(**event_data(n))
    return [carts.mapper.to_stored_event(happened) for happened in cart.collect_events()]


def populate(path: Path) -> Path:
    """Fills in round-robin, straight through the recorder in batches of 1,000: it is not measured.

    All carts get the same items; the id is no part of a stored event's bytes, so only it has to be replaced.
    """
    with open_carts(path) as carts:
        for stored in one_cart(carts):
            carts.recorder.insert_events([replace(stored, originator_id=each) for each in IDS])
    return path

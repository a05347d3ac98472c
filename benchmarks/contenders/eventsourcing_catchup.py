"""catchup: eventsourcing's ProjectionRunner with a view on its SQLite tracking recorder (WAL, FULL).

Its SQLite application recorder has no subscriptions, so the events come from its in-memory one: reading them is
nearly free here, in its favour. It commits event by event, so a few thousand events show its rate.
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import ApplicationRecorder, StoredEvent, Tracking
from eventsourcing.popo import POPOApplicationRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.sqlite import SQLiteTrackingRecorder

from benchmarks.contender import options, play
from benchmarks.workload import event as event_data

OPTIONS = options()
EVENTS = 1_000 if OPTIONS.quick else 5_000
FINISHED = threading.Event()
"""The runner's own `wait` polls, up to 0.8 s apart: too coarse for a stop-watch."""

TABLE = "CREATE TABLE IF NOT EXISTS spending (customer_id TEXT PRIMARY KEY, items INTEGER, total INTEGER, last TEXT)"
UPSERT = """
INSERT INTO spending VALUES (?, 1, ?, ?) ON CONFLICT (customer_id) DO UPDATE
SET items = items + 1, total = total + excluded.total, last = excluded.last
"""


class Basket(Aggregate):
    """One event long: its creation is the item."""

    @event("ItemAdded")
    def __init__(
        self, item_id: str, customer_id: str, sku: str, description: str, quantity: int, price_pence: int, at: str
    ) -> None:
        self.customer_id = customer_id


class Filled(Application[UUID]):
    """Opens on the events made beforehand."""

    stored: Sequence[StoredEvent] = ()

    def construct_recorder(self) -> ApplicationRecorder:
        recorder = POPOApplicationRecorder()
        recorder.insert_events(self.stored)
        return recorder


class SpendingView(SQLiteTrackingRecorder):
    def construct_create_table_statements(self) -> list[str]:
        return [*super().construct_create_table_statements(), TABLE]

    def add(self, customer_id: str, amount: int, at: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(UPSERT, (customer_id, amount, at))


class Spending(Projection[SpendingView]):
    @singledispatchmethod
    def process_event(self, domain_event: object, tracking: Tracking) -> None:
        raise NotImplementedError(domain_event)

    @process_event.register
    def _(self, added: Basket.ItemAdded, tracking: Tracking) -> None:
        self.view.add(added.customer_id, added.quantity * added.price_pence, added.at, tracking)
        if tracking.notification_id == EVENTS:
            FINISHED.set()


def stored_events() -> Sequence[StoredEvent]:
    mapper = Application[UUID]().mapper
    baskets = (Basket(**event_data(n)) for n in range(EVENTS))
    return [mapper.to_stored_event(happened) for basket in baskets for happened in basket.collect_events()]


def run(directory: Path) -> float:
    env = {"SPENDING_PERSISTENCE_MODULE": "eventsourcing.sqlite", "SPENDING_SQLITE_DBNAME": str(directory / "view.db")}
    FINISHED.clear()
    start = time.perf_counter()
    with ProjectionRunner(
        application_class=Filled, projection_class=Spending, view_class=SpendingView, env=env
    ) as runner:
        while not FINISHED.wait(0.5) and not runner.is_interrupted.is_set():
            pass  # an error interrupts the runner, and is raised as the block ends
        elapsed = time.perf_counter() - start
    return EVENTS / elapsed


def main() -> None:
    Filled.stored = stored_events()
    play(run)


if __name__ == "__main__":
    main()

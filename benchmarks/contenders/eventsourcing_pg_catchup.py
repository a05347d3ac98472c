"""pg-catchup: eventsourcing's ProjectionRunner with a view on its PostgreSQL tracking recorder.

The events come from its in-memory recorder: reading them is nearly free here, in its favour. It commits event by event,
so a few thousand events show its rate.
"""

import time
from pathlib import Path
from urllib.parse import urlsplit

from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from benchmarks.contender import options, play
from benchmarks.contenders.eventsourcing_catchup import EVENTS, FINISHED, Basket, Filled, stored_events
from benchmarks.contenders.pg import address

OPTIONS = options()
TABLE = SQL("CREATE TABLE IF NOT EXISTS spending (customer_id text PRIMARY KEY, items bigint, total bigint, last text)")
UPSERT = """
INSERT INTO spending AS s VALUES (%s, 1, %s, %s) ON CONFLICT (customer_id) DO UPDATE
SET items = s.items + 1, total = s.total + excluded.total, last = excluded.last
"""


class SpendingView(PostgresTrackingRecorder):
    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)
        self.sql_create_statements.append(TABLE.format())

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


def run(directory: Path) -> float:
    parts = urlsplit(address(directory))
    names = {"DBNAME": parts.path.lstrip("/"), "HOST": parts.hostname, "PORT": parts.port, "USER": parts.username}
    env = {f"SPENDING_POSTGRES_{name}": str(value) for name, value in names.items()}
    env |= {"SPENDING_PERSISTENCE_MODULE": "eventsourcing.postgres", "SPENDING_POSTGRES_PASSWORD": "none"}
    FINISHED.clear()
    start = time.perf_counter()
    with ProjectionRunner(
        application_class=Filled, projection_class=Spending, view_class=SpendingView, env=env
    ) as runner:
        while not FINISHED.wait(0.5) and not runner.is_interrupted.is_set():
            pass  # an error interrupts the runner, and is raised as the block ends
        elapsed = time.perf_counter() - start
    return EVENTS / elapsed


if __name__ == "__main__":
    Filled.stored = stored_events()
    play(run)

"""pg-append-*: eventsourcing's PostgreSQL application recorder, given ready bytes. Modes: 8, 32 (threads)."""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.contender import options, play, threads_per_second
from benchmarks.contenders.pg import address
from benchmarks.workload import EVENT_TYPE, place, samples

OPTIONS = options()
EVENTS = [event.encode() for event in samples()]
SPACE = UUID(int=1)
IDS = {name: uuid5(SPACE, name) for worker in range(64) for name, _ in (place(worker, k) for k in range(16))}


def datastore(url: str, connections: int) -> PostgresDatastore:
    """Its pool, with a connection for each writer."""
    parts = urlsplit(url)
    return PostgresDatastore(
        parts.path.lstrip("/"), parts.hostname or "", parts.port or 5432, parts.username or "", "",
        pool_size=connections, lock_timeout=60,
    )  # fmt: skip


def run(directory: Path) -> float:
    threads = int(OPTIONS.mode)
    store = datastore(address(directory), threads)
    recorder = PostgresApplicationRecorder(store)
    recorder.create_table()

    def append(worker: int, k: int) -> None:
        stream, version = place(worker, k)
        recorder.insert_events([StoredEvent(IDS[stream], version, EVENT_TYPE, EVENTS[k % len(EVENTS)])])

    try:
        return threads_per_second(append, threads, OPTIONS.seconds)
    finally:
        store.close()


if __name__ == "__main__":
    play(run)

"""append-*: eventsourcing's SQLite application recorder, given ready bytes. Modes: 1, 64 (threads), batch.

It opens its file in WAL and leaves `synchronous` alone, which is FULL in SQLite as Python ships it: checked below.
Writers take turns on a lock of its pool, so threads gain nothing, and the pool's size makes no difference (1, 5 and 64
measured); only the time-outs are raised.
"""

from pathlib import Path
from uuid import UUID, uuid5

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from benchmarks.contender import options, per_second, play, threads_per_second
from benchmarks.workload import BATCH, EVENT_TYPE, place, samples

OPTIONS = options()
EVENTS = [event.encode() for event in samples()]
SPACE = UUID(int=1)
IDS = {name: uuid5(SPACE, name) for worker in range(64) for name, _ in (place(worker, k) for k in range(16))}


def recorder_in(directory: Path) -> SQLiteApplicationRecorder:
    datastore = SQLiteDatastore(str(directory / "events.db"), pool_timeout=60, lock_timeout=60)
    recorder = SQLiteApplicationRecorder(datastore)
    recorder.create_table()
    with datastore.transaction(commit=False) as cursor:
        for pragma, wanted in (("journal_mode", "wal"), ("synchronous", 2)):
            cursor.execute(f"PRAGMA {pragma}")
            assert cursor.fetchone()[0] == wanted, pragma
    return recorder


def single(worker: int, k: int) -> StoredEvent:
    stream, version = place(worker, k)
    return StoredEvent(IDS[stream], version, EVENT_TYPE, EVENTS[k % len(EVENTS)])


def run(directory: Path) -> float:
    recorder = recorder_in(directory)

    def batch(k: int) -> None:
        stream = UUID(int=k)
        recorder.insert_events([StoredEvent(stream, n + 1, EVENT_TYPE, EVENTS[n]) for n in range(BATCH)])

    try:
        if OPTIONS.mode == "batch":
            return per_second(batch, OPTIONS.seconds) * BATCH
        if OPTIONS.mode == "1":
            return per_second(lambda k: recorder.insert_events([single(0, k)]), OPTIONS.seconds)
        return threads_per_second(
            lambda worker, k: recorder.insert_events([single(worker, k)]), int(OPTIONS.mode), OPTIONS.seconds
        )
    finally:
        recorder.datastore.close()


if __name__ == "__main__":
    play(run)

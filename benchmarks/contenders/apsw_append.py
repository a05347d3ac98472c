"""append-*: what a good engineer writes by hand on apsw. Modes: 1, 64 (tasks on group commit), direct, batch."""

import asyncio
from pathlib import Path

from benchmarks.contender import options, per_second, play, tasks_per_second
from benchmarks.contenders.apsw_store import Row, commit_all, commit_each, open_store
from benchmarks.contenders.group_commit import GroupCommit
from benchmarks.workload import BATCH, EVENT_TYPE, place, samples

OPTIONS = options()
EVENTS = samples()


def single(worker: int, k: int) -> Row:
    return (*place(worker, k), EVENT_TYPE, EVENTS[k % len(EVENTS)])


async def grouped(directory: Path, tasks: int) -> float:
    """Single-event appends through the asyncio group commit."""
    db = open_store(directory / "events.db")
    writer = GroupCommit(lambda rows: commit_each(db, rows))
    try:
        return await tasks_per_second(lambda worker, k: writer.append(single(worker, k)), tasks, OPTIONS.seconds)
    finally:
        writer.close()
        db.close()


def direct(directory: Path) -> float:
    """Single-event appends, synchronous: no thread, no loop."""
    db = open_store(directory / "events.db")
    try:
        return per_second(lambda k: commit_all(db, [single(0, k)]), OPTIONS.seconds)
    finally:
        db.close()


def batches(directory: Path) -> float:
    """Batches of 1,000 to a stream each, one transaction a batch."""
    db = open_store(directory / "events.db")

    def append(k: int) -> None:
        commit_all(db, ((f"batch-{k}", n + 1, EVENT_TYPE, EVENTS[n]) for n in range(BATCH)))

    try:
        return per_second(append, OPTIONS.seconds) * BATCH
    finally:
        db.close()


def run(directory: Path) -> float:
    if OPTIONS.mode == "batch":
        return batches(directory)
    if OPTIONS.mode == "direct":
        return direct(directory)
    return asyncio.run(grouped(directory, int(OPTIONS.mode)))


if __name__ == "__main__":
    play(run)

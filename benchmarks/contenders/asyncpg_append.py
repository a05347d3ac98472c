"""pg-append-*: single inserts by asyncpg, a connection for each writer. Modes: 8, 32."""

import asyncio
from pathlib import Path

import asyncpg

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.pg import with_table
from benchmarks.workload import place, samples

OPTIONS = options()
EVENTS = samples()
INSERT = "INSERT INTO event (stream, version, kind, time, data, meta) VALUES ($1, $2, 0, 1, $3, '') RETURNING position"


async def singles(url: str, tasks: int) -> float:
    connections = [await asyncpg.connect(url) for _ in range(tasks)]
    prepared = [await each.prepare(INSERT) for each in connections]

    async def append(worker: int, k: int) -> None:
        stream, version = place(worker, k)
        await prepared[worker].fetchval(stream, version, EVENTS[k % len(EVENTS)])

    try:
        return await tasks_per_second(append, tasks, OPTIONS.seconds)
    finally:
        for each in connections:
            await each.close()


def run(directory: Path) -> float:
    return asyncio.run(singles(with_table(directory), int(OPTIONS.mode)))


if __name__ == "__main__":
    play(run)

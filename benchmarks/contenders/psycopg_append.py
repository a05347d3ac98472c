"""pg-append-1 and pg-batch1000: psycopg by hand. Modes: 1 (single inserts, one at a time), copy (1,000 rows each)."""

import asyncio

import psycopg

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.pg import with_table
from benchmarks.workload import BATCH, place, samples

OPTIONS = options()
EVENTS = samples()
INSERT = "INSERT INTO event (stream, version, kind, time, data, meta) VALUES (%s, %s, 0, 1, %s, '') RETURNING position"
COPY = "COPY event (stream, version, kind, time, data, meta) FROM STDIN (FORMAT binary)"
TYPES = ["text", "int8", "int4", "int8", "text", "text"]


async def measure(url: str) -> float:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:

        async def single(worker: int, k: int) -> None:
            stream, version = place(worker, k)
            await connection.execute(INSERT, (stream, version, EVENTS[k % len(EVENTS)]), prepare=True)

        async def batch(_: int, k: int) -> None:
            async with connection.cursor().copy(COPY) as rows:
                rows.set_types(TYPES)
                for n in range(BATCH):
                    await rows.write_row((f"batch-{k}", n + 1, 0, 1, EVENTS[n], ""))

        if OPTIONS.mode == "copy":
            return BATCH * await tasks_per_second(batch, 1, OPTIONS.seconds)
        return await tasks_per_second(single, 1, OPTIONS.seconds)


if __name__ == "__main__":
    play(lambda directory: asyncio.run(measure(with_table(directory))))

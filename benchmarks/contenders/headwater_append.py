"""append-*: through the public event store. Modes: 1, 64 (tasks), batch."""

import asyncio
from pathlib import Path

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.headwater_app import new_event, opened
from benchmarks.workload import BATCH, place
from headwater import Write

OPTIONS = options()
EVENTS = [new_event(n) for n in range(10_000)]
"""Encoded beforehand, as the other contenders' JSON is."""


async def singles(directory: Path, tasks: int) -> float:
    async with await opened(directory / "events.db") as store:

        async def append(worker: int, k: int) -> None:
            stream, version = place(worker, k)
            await store.append(Write(stream, [EVENTS[k % len(EVENTS)]], expected=version - 1))

        return await tasks_per_second(append, tasks, OPTIONS.seconds)


async def batches(directory: Path) -> float:
    async with await opened(directory / "events.db") as store:

        async def append(_: int, k: int) -> None:
            await store.append(Write(f"batch-{k}", EVENTS[:BATCH], expected=0))

        return BATCH * await tasks_per_second(append, 1, OPTIONS.seconds)


def run(directory: Path) -> float:
    if OPTIONS.mode == "batch":
        return asyncio.run(batches(directory))
    return asyncio.run(singles(directory, int(OPTIONS.mode)))


if __name__ == "__main__":
    play(run)

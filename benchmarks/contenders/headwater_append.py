"""append-*: through the public event store. Modes: 1, 64 (tasks), batch."""

import asyncio
from pathlib import Path

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.headwater_app import opened
from benchmarks.workload import BATCH, EVENT_TYPE, place, samples
from headwater import NewEvent, Write

OPTIONS = options()
EVENTS = [event.encode() for event in samples()]


async def singles(directory: Path, tasks: int) -> float:
    async with await opened(directory / "events.db") as store:

        async def append(worker: int, k: int) -> None:
            stream, version = place(worker, k)
            await store.append(Write(stream, [NewEvent(EVENT_TYPE, EVENTS[k % len(EVENTS)])], expected=version - 1))

        return await tasks_per_second(append, tasks, OPTIONS.seconds)


async def batches(directory: Path) -> float:
    async with await opened(directory / "events.db") as store:

        async def append(_: int, k: int) -> None:
            events = [NewEvent(EVENT_TYPE, EVENTS[n]) for n in range(BATCH)]
            await store.append(Write(f"batch-{k}", events, expected=0))

        return BATCH * await tasks_per_second(append, 1, OPTIONS.seconds)


def run(directory: Path) -> float:
    if OPTIONS.mode == "batch":
        return asyncio.run(batches(directory))
    return asyncio.run(singles(directory, int(OPTIONS.mode)))


if __name__ == "__main__":
    play(run)

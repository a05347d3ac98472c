"""pg-condition: what an append under a condition costs on a log of 10,000 events and of 1,000,000, ten tags each.

The condition is that of a unique thing: nobody else has this tag. One at a time, medians. Filled by appends of 1,000.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

from benchmarks.contender import options
from benchmarks.contenders.headwater_app import new_event
from benchmarks.contenders.pg import address
from headwater import NewEvent, Query, QueryItem, Write, open_store
from headwater.messages import Condition
from headwater.store.port import EventStore

OPTIONS = options()
SMALL, LARGE = 10_000, 50_000 if OPTIONS.quick else 1_000_000
SAMPLES = 500
BATCH = 1_000
DATA = [new_event(n) for n in range(BATCH)]


def tagged(n: int) -> NewEvent:
    """An event with ten tags, from unique ones to one that every event bears."""
    event = DATA[n % BATCH]
    tags = tuple(f"tag-{size}:{n % size}" for size in (1, 7, 50, 365, 1_000, 5_000, 20_000, 100_000, 300_000))
    return NewEvent(event.type, event.data, tags=(*tags, f"unique:{n}"))


async def fill(store: EventStore, start: int, end: int) -> None:
    for first in range(start, end, BATCH):
        await store.append(Write(f"s-{first}", [tagged(n) for n in range(first, first + BATCH)]))


async def cost(store: EventStore, start: int) -> float:
    """The median time of an append under a condition, in microseconds."""
    times = []
    for n in range(start, start + SAMPLES):
        condition = Condition(Query((QueryItem((DATA[0].type,), (f"unique:{n}", "tag-1:0")),)), 0)
        begun = time.perf_counter()
        await store.append(Write(f"c-{n}", [tagged(n)]), condition=condition)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


async def measure(directory: Path) -> dict[str, float]:
    async with await open_store(address(directory)) as store:
        await fill(store, 0, SMALL)
        small = await cost(store, 10_000_000)
        begun = time.perf_counter()
        await fill(store, SMALL, LARGE)
        filled = time.perf_counter() - begun
        large = await cost(store, 20_000_000)
    return {"value": 1e6 / large, "growth": large / small, "small_us": small, "large_us": large, "filled_s": filled}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(asyncio.run(measure(Path(line.strip())))), flush=True)

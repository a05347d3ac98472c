"""memory: how peak memory of a catch-up, and the cost of an append and of a load, grow with the store.

Each measurement runs in a process of its own, so that one does not leave its memory to the next.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.contender import options
from benchmarks.contenders.headwater_app import app, carts, new_event, opened, populate
from benchmarks.workload import AGGREGATES
from headwater import Runtime, Write
from headwater.clock import SystemClock
from headwater.commands.executor import Executor

SMALL, LARGE = 100_000, 2_000_000
REPEATS = 2_000


async def median_micros(operation: Callable[[int], Awaitable[object]]) -> float:
    times = []
    for k in range(REPEATS):
        start = time.perf_counter()
        await operation(k)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


async def measure(path: Path) -> dict[str, float]:
    """Catch a view up, then append to and load streams of 10 events that no one else has touched."""
    async with Runtime.open(app, f"sqlite:///{path}") as runtime:
        await runtime.idle(timeout=600)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    async with await opened(path) as store:
        executor = Executor(app, store, SystemClock())
        for n in range(AGGREGATES):
            await store.append(Write(f"cart-fresh-{n}", [new_event(k) for k in range(10)]))
        append = await median_micros(lambda k: store.append(Write(f"cart-{k % AGGREGATES:04}", [new_event(k)])))
        load = await median_micros(lambda k: executor.load(carts, f"cart-fresh-{k % AGGREGATES}"))
    return {"peak": peak, "append": append, "load": load}


def in_processes(directory: Path, events: int) -> dict[str, float]:
    """Fill a store and measure on it, each in a process of its own: a child's peak counts from its parent's size."""
    path = directory / f"{events}.db"
    spawn("fill", path, events)
    found: dict[str, float] = json.loads(spawn("measure", path, events))
    path.unlink()
    return found


def spawn(task: str, path: Path, events: int) -> str:
    command = [sys.executable, "-m", __spec__.name, task, str(path), str(events)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def perform(task: str, path: Path, events: int) -> None:
    if task == "fill":
        asyncio.run(populate(path, events))
    else:
        print(json.dumps(asyncio.run(measure(path))))


def main() -> None:
    chosen = options()
    for line in sys.stdin:
        large_size = LARGE // (10 if chosen.quick else 1)
        small, large = (in_processes(Path(line.strip()), n) for n in (SMALL, large_size))
        growth = {
            "memory_growth": large["peak"] - small["peak"],
            "append_growth": large["append"] / small["append"],
            "load_growth": large["load"] / small["load"],
        }
        costs = {f"{name}_{key}": of[key] for name, of in (("small", small), ("large", large)) for key in of}
        print(json.dumps(growth | costs), flush=True)


if __name__ == "__main__":
    if sys.argv[1] in ("fill", "measure"):
        perform(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()

"""What a contender written in Python imports: its options, its rounds and its stop-watch.

The contract with the runner: a contender is started once, sets itself up (unmeasured, in `options().dir`), then reads
lines from stdin; each names a fresh directory on a real disk. For each it plays one round and prints one line of
JSON, `{"value": 12345.0}`. It ends when stdin does.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path


def options() -> argparse.Namespace:
    """`mode` (what of the script to run), `dir` (kept over all rounds), `quick`, and `seconds` (a round's length)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", nargs="?", default="")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    found = parser.parse_args()
    found.seconds = 0.5 if found.quick else 2.0
    return found


def fresh_copy(store: Path, directory: Path) -> Path:
    """The filled store (one closed file) copied for one round, on the disk before the clock starts."""
    copy = Path(shutil.copy(store, directory))
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return copy


def play(run: Callable[[Path], float]) -> None:
    """Play the rounds: `run(directory)` answers with what was measured."""
    for line in sys.stdin:
        print(json.dumps({"value": run(Path(line.strip()))}), flush=True)


def per_second(operation: Callable[[int], object], seconds: float) -> float:
    """Rate of `operation(k)`, k = 0, 1, 2 …, one after the other."""
    start = now = time.perf_counter()
    done = 0
    while now - start < seconds:
        operation(done)
        done += 1
        now = time.perf_counter()
    return done / (now - start)


async def tasks_per_second(operation: Callable[[int, int], Awaitable[object]], tasks: int, seconds: float) -> float:
    """Rate of `operation(worker, k)` over that many tasks, each awaiting its own before the next."""
    done = [0] * tasks
    start = time.perf_counter()

    async def work(worker: int) -> None:
        while time.perf_counter() - start < seconds:
            await operation(worker, done[worker])
            done[worker] += 1

    async with asyncio.TaskGroup() as group:
        for worker in range(tasks):
            group.create_task(work(worker))
    return sum(done) / (time.perf_counter() - start)


def threads_per_second(operation: Callable[[int, int], object], threads: int, seconds: float) -> float:
    """Rate of `operation(worker, k)` over that many threads; a worker's error is raised here."""
    done = [0] * threads
    errors: list[Exception] = []
    start = time.perf_counter()

    def work(worker: int) -> None:
        try:
            while time.perf_counter() - start < seconds:
                operation(worker, done[worker])
                done[worker] += 1
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    if errors:
        raise errors[0]
    return sum(done) / (time.perf_counter() - start)

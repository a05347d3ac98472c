"""flow-*: the same with asyncio alone. Modes: queue, ideal-20, ideal-2000."""

import asyncio
import random
import time

from benchmarks.contender import options, play

OPTIONS = options()
MESSAGES = 50_000 if OPTIONS.quick else 400_000
ITEMS = 200 if OPTIONS.quick else 1_000
CONCURRENCY = 16


async def queue() -> float:
    """One put and one get for each message, between two tasks."""
    made: asyncio.Queue[int] = asyncio.Queue(1_024)

    async def put() -> None:
        for n in range(MESSAGES):
            await made.put(n)

    async def get() -> None:
        for _ in range(MESSAGES):
            await made.get()

    start = time.perf_counter()
    await asyncio.gather(put(), get())
    return MESSAGES / (time.perf_counter() - start)


async def ideal(keys: int) -> float:
    """One item after the other, times as many as may be under way at once: what no lanes can beat."""
    dice = random.Random(1)
    start = time.perf_counter()
    for _ in range(ITEMS):
        await asyncio.sleep(dice.uniform(0, 0.005))
    return min(CONCURRENCY, keys) * ITEMS / (time.perf_counter() - start)


def one_round() -> float:
    mode, _, keys = OPTIONS.mode.partition("-")
    return asyncio.run(queue() if mode == "queue" else ideal(int(keys)))


if __name__ == "__main__":
    play(lambda _directory: one_round())

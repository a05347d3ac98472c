"""flow-*: channels, lanes and consumers in one process. Modes: channel, channel-1, consumer, lanes-20, lanes-2000."""

import asyncio
import random
import time

from benchmarks.contender import options, play
from headwater import Record, Topic, consumer
from headwater.app import open_stores
from headwater.clock import SystemClock
from headwater.codec import EventCatalog
from headwater.delivery.consumer import ConsumerRunner
from headwater.flow.channel import Channel
from headwater.flow.lanes import Lanes
from headwater.messages import NewRecord
from headwater.streaming.memory import MemoryBroker

OPTIONS = options()
MESSAGES = 50_000 if OPTIONS.quick else 400_000
ITEMS = 1_000 if OPTIONS.quick else 10_000
CONCURRENCY = 16
BATCH = 500
KEYS = [f"k{n}" for n in range(100)]


async def channel(at_once: int) -> float:
    """Put one by one, and taken as many as are there but no more than `at_once`, between two tasks."""
    made: Channel[int] = Channel("bench", 1_024)

    async def put() -> None:
        for n in range(MESSAGES):
            await made.put(n)

    async def get() -> None:
        for _ in range(MESSAGES):
            await made.get()

    async def get_many() -> None:
        left = MESSAGES
        while left:
            for _ in await made.get_many(at_once):
                left -= 1

    start = time.perf_counter()
    await asyncio.gather(put(), get() if at_once == 1 else get_many())
    return MESSAGES / (time.perf_counter() - start)


async def through_a_consumer() -> float:
    """From publishing in batches of 500 to a keyed consumer with retries and tracking; the topic keeps all."""
    clock, done = SystemClock(), asyncio.Event()
    left = MESSAGES

    @consumer("t", "bench", once=False, max_open=2_000)
    def count(record: Record) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    stores, broker = await open_stores("memory:", clock=clock), MemoryBroker(clock=clock)
    await broker.create_topic(Topic("t", partitions=1))
    runner = ConsumerRunner(count, broker, stores.events, stores.delivery, EventCatalog([]), _no_commands, clock)
    task = asyncio.create_task(runner.run())
    start = time.perf_counter()
    for first in range(0, MESSAGES, BATCH):
        await broker.publish("t", [NewRecord(b"x", KEYS[n % 100]) for n in range(first, first + BATCH)])
    await done.wait()
    rate = MESSAGES / (time.perf_counter() - start)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await broker.close()
    await stores.views.close()
    await stores.events.close()
    return rate


async def _no_commands(command: object, /, *, id: str, metadata: object) -> None:
    raise AssertionError("nothing follows")


async def lanes(keys: int) -> float:
    """Items whose work waits 0 to 5 ms, 16 keys at once."""
    dice = random.Random(1)
    waits = [(n % keys, dice.uniform(0, 0.005)) for n in range(ITEMS)]
    left, done = ITEMS, asyncio.Event()

    async def work(wait: float) -> None:
        nonlocal left
        await asyncio.sleep(wait)
        left -= 1
        if not left:
            done.set()

    made: Lanes[float] = Lanes(work, concurrency=CONCURRENCY, capacity=ITEMS)
    task = asyncio.create_task(made.run())
    start = time.perf_counter()
    for key, wait in waits:
        await made.put(key, wait)
    await done.wait()
    rate = ITEMS / (time.perf_counter() - start)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return rate


def one_round() -> float:
    if OPTIONS.mode.startswith("lanes-"):
        return asyncio.run(lanes(int(OPTIONS.mode.partition("-")[2])))
    if OPTIONS.mode.startswith("channel"):
        return asyncio.run(channel(1 if OPTIONS.mode == "channel-1" else 1_024))
    return asyncio.run(through_a_consumer())


if __name__ == "__main__":
    play(lambda _directory: one_round())

"""nats-*: nats-py by hand, as fast as it was found to go. Modes: publish, window, consume, single; -uvloop as well.

One stream, ids that the server looks for, and the headers that a record needs. `publish` has batches of 500,
all answered before the next; `window` has 4,000 on their way at any time. `consume` pulls pages of 500, and
acknowledges the last of each for all.
"""

import asyncio
import time
from collections.abc import Coroutine
from itertools import count

import nats
import uvloop
from nats.js import JetStreamContext, api

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.workload import STREAM_BATCH, aggregate, event_json, stream_records
from headwater.testing.nats import nats_server

OPTIONS = options()
MODE, _, LOOP = OPTIONS.mode.partition("-")
RECORDS = stream_records(OPTIONS.quick)
VALUES = [event_json(n).encode() for n in range(10_000)]
ids = count(10**12)
rounds = count(1)


def headers(n: int) -> dict[str, str]:
    return {"Nats-Msg-Id": str(next(ids)), "key": aggregate(n), "ce-type": "item.added"}


async def stream(js: JetStreamContext, name: str) -> None:
    await js.add_stream(
        api.StreamConfig(name=name, subjects=[name], duplicate_window=120, storage=api.StorageType.FILE)
    )


async def batch(js: JetStreamContext, name: str, k: int) -> None:
    start = k * STREAM_BATCH
    await asyncio.gather(
        *[
            await js.publish_async(name, VALUES[n % len(VALUES)], headers=headers(n))
            for n in range(start, start + STREAM_BATCH)
        ]
    )


async def publish(js: JetStreamContext, name: str) -> float:
    await stream(js, name)
    return STREAM_BATCH * await tasks_per_second(lambda _, k: batch(js, name, k), 1, OPTIONS.seconds)


async def window(js: JetStreamContext, name: str) -> float:
    await stream(js, name)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < OPTIONS.seconds:
        for _ in range(STREAM_BATCH):
            await js.publish_async(name, VALUES[done % len(VALUES)], headers=headers(done))
            done += 1
    await js.publish_async_completed()
    return done / (time.perf_counter() - start)


async def single(js: JetStreamContext, name: str) -> float:
    await stream(js, name)
    return await tasks_per_second(
        lambda _, k: js.publish(name, VALUES[k % len(VALUES)], headers=headers(k)), 1, OPTIONS.seconds
    )


async def consume(js: JetStreamContext, name: str) -> float:
    config = api.ConsumerConfig(ack_policy=api.AckPolicy.ALL, max_ack_pending=100_000)
    start, found = time.perf_counter(), 0
    subscription = await js.pull_subscribe("filled", durable=name, config=config)
    while found < RECORDS:
        page = await subscription.fetch(STREAM_BATCH, timeout=5)
        found += len(page)
        await page[-1].ack()
    return RECORDS / (time.perf_counter() - start)


async def both(js: JetStreamContext, name: str) -> float:
    """Publishing in windows of 500 while another task reads and acknowledges."""
    await stream(js, name)
    config = api.ConsumerConfig(ack_policy=api.AckPolicy.ALL, max_ack_pending=100_000)
    subscription = await js.pull_subscribe(name, durable=name, config=config)

    async def read() -> None:
        found = 0
        while found < RECORDS:
            page = await subscription.fetch(STREAM_BATCH, timeout=5)
            found += len(page)
            await page[-1].ack()

    async def write() -> None:
        for k in range(RECORDS // STREAM_BATCH):
            await batch(js, name, k)

    start = time.perf_counter()
    await asyncio.gather(read(), write())
    return RECORDS / (time.perf_counter() - start)


async def fill(url: str) -> None:
    async with await nats.connect(url) as client:
        js = client.jetstream()
        await stream(js, "filled")
        for k in range(RECORDS // STREAM_BATCH):
            await batch(js, "filled", k)


async def play_one(url: str) -> float:
    async with await nats.connect(url) as client:
        work = {"publish": publish, "window": window, "consume": consume, "single": single, "both": both}[MODE]
        return await work(client.jetstream(), f"t{next(rounds)}")


def run(main: Coroutine[None, None, float]) -> float:
    return uvloop.run(main) if LOOP else asyncio.run(main)


def main() -> None:
    with nats_server() as server:
        if MODE == "consume":
            asyncio.run(fill(server.url()))
        play(lambda _directory: run(play_one(server.url())))


if __name__ == "__main__":
    main()

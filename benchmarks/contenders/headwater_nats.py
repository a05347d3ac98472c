"""nats-*: the broker on NATS. Modes: publish, consume, single, inbox; with -uvloop on that loop."""

import asyncio
import time
from collections.abc import Coroutine
from itertools import count
from pathlib import Path

import uvloop

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.workload import STREAM_BATCH, aggregate, event_json, stream_records
from headwater import consumer
from headwater.adapters.nats.broker import NatsBroker
from headwater.app import open_stores
from headwater.clock import SystemClock
from headwater.codec import EventCatalog
from headwater.delivery.consumer import ConsumerRunner
from headwater.fold import Topic
from headwater.messages import NewRecord, Record
from headwater.streaming.port import Member
from headwater.streaming.records import Progress
from headwater.testing.nats import nats_server

OPTIONS = options()
MODE, _, LOOP = OPTIONS.mode.partition("-")
RECORDS = stream_records(OPTIONS.quick)
VALUES = [event_json(n).encode() for n in range(10_000)]
TYPE = {"ce-type": "item.added"}
rounds = count(1)


def batch(k: int) -> list[NewRecord]:
    """The k-th batch, under ids that never come again."""
    start = k * STREAM_BATCH
    return [
        NewRecord(VALUES[n % len(VALUES)], aggregate(n), f"{next_id()}", TYPE)
        for n in range(start, start + STREAM_BATCH)
    ]


next_id = count(10**12).__next__


async def publish(url: str) -> float:
    """Batches of 500, one after the other."""
    async with await NatsBroker.open(url) as broker:
        name = f"t{next(rounds)}"
        await broker.create_topic(Topic(name, partitions=4))
        made = [batch(k) for k in range(200 if not OPTIONS.quick else 50)]

        async def one(_: int, k: int) -> None:
            await broker.publish(name, made[k] if k < len(made) else batch(k))

        return STREAM_BATCH * await tasks_per_second(one, 1, OPTIONS.seconds)


async def single(url: str) -> float:
    """One record after the other."""
    async with await NatsBroker.open(url) as broker:
        name = f"t{next(rounds)}"
        await broker.create_topic(Topic(name, partitions=4))

        async def one(_: int, k: int) -> None:
            await broker.publish(name, [NewRecord(VALUES[k % len(VALUES)], aggregate(k), f"{next_id()}", TYPE)])

        return await tasks_per_second(one, 1, OPTIONS.seconds)


async def fill(url: str) -> None:
    async with await NatsBroker.open(url) as broker:
        await broker.create_topic(Topic("filled", partitions=4))
        for k in range(RECORDS // STREAM_BATCH):
            await broker.publish("filled", batch(k))


def after(page: list[Record]) -> dict[int, Progress]:
    """The progress of who has worked off a page."""
    return {partition: Progress(next) for partition, next in {r.partition: r.offset + 1 for r in page}.items()}


async def take_all(member: Member) -> None:
    found = 0
    while found < RECORDS:
        page = await member.fetch(STREAM_BATCH, timeout=5)
        found += len(page)
        if page:
            await member.commit(after(page))


async def consume(url: str) -> float:
    """All that is there, in pages of 500, with a commit after each."""
    async with await NatsBroker.open(url) as broker:
        member = await broker.join("filled", f"g{next(rounds)}")
        start = time.perf_counter()
        await take_all(member)
        return RECORDS / (time.perf_counter() - start)


async def inbox(url: str, directory: Path) -> float:
    """From publishing, 500 at a time, to a consumer that notes each record as done in a SQLite file, fsynced."""
    clock, done, name = SystemClock(), asyncio.Event(), f"t{next(rounds)}"
    left = RECORDS

    @consumer(name, "bench")
    def note(record: Record) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    stores = await open_stores(f"sqlite:///{directory}/store.db", clock=clock)
    async with await NatsBroker.open(url) as broker, stores.events:
        await broker.create_topic(Topic(name, partitions=4))
        runner = ConsumerRunner(note, broker, stores.events, stores.delivery, EventCatalog([]), no_commands, clock)
        task = asyncio.create_task(runner.run())
        start = time.perf_counter()
        for k in range(RECORDS // STREAM_BATCH):
            await broker.publish(name, batch(k))
        await done.wait()
        rate = RECORDS / (time.perf_counter() - start)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stores.views.close()
    return rate


async def no_commands(command: object, /, *, id: str, metadata: object) -> None:
    raise AssertionError("nothing follows")


def run(main: Coroutine[None, None, float]) -> float:
    return uvloop.run(main) if LOOP else asyncio.run(main)


def main() -> None:
    with nats_server() as server:
        if MODE == "consume":
            asyncio.run(fill(server.url()))
        if MODE == "inbox":
            play(lambda directory: run(inbox(server.url(), directory)))
            return
        work = {"publish": publish, "consume": consume, "single": single}[MODE]
        play(lambda _directory: run(work(server.url())))


if __name__ == "__main__":
    main()

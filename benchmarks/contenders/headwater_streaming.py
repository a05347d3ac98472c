"""stream-*: the broker on SQLite, and in memory. Modes: publish, publish-ids, consume, memory."""

import asyncio
import time
from pathlib import Path

from benchmarks.contender import fresh_copy, options, play, tasks_per_second
from benchmarks.workload import STREAM_BATCH, aggregate, event_json, stream_records
from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.fold import Topic
from headwater.messages import NewRecord, Record
from headwater.streaming.memory import MemoryBroker
from headwater.streaming.port import Broker, Member
from headwater.streaming.records import Progress

OPTIONS = options()
RECORDS = stream_records(OPTIONS.quick)
NEW = [NewRecord(event_json(n).encode(), aggregate(n)) for n in range(10_000)]
TOPIC = Topic("orders", partitions=4)


def batch(k: int) -> list[NewRecord]:
    start = k * STREAM_BATCH % len(NEW)
    return NEW[start : start + STREAM_BATCH]


def batch_with_ids(k: int) -> list[NewRecord]:
    """The k-th batch, under ids that never come again, in order of time as the relay's are."""
    return [NewRecord(each.value, each.key, f"{k:010}-{n:024}") for n, each in enumerate(batch(k))]


async def publish(directory: Path) -> float:
    """Batches of 500, one after the other."""
    async with await SqliteBroker.open(str(directory / "broker.db")) as broker:
        await broker.create_topic(TOPIC)
        made = batch_with_ids if OPTIONS.mode == "publish-ids" else batch

        async def one(_: int, k: int) -> None:
            await broker.publish("orders", made(k))

        return STREAM_BATCH * await tasks_per_second(one, 1, OPTIONS.seconds)


async def populate(path: Path) -> Path:
    async with await SqliteBroker.open(str(path)) as broker:
        await broker.create_topic(TOPIC)
        for k in range(RECORDS // STREAM_BATCH):
            await broker.publish("orders", batch(k))
    return path


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


async def consume(path: Path) -> float:
    """All that is there, in pages of 500, with a commit after each."""
    async with await SqliteBroker.open(str(path)) as broker:
        member = await broker.join("orders", "workers")
        await member.fetch(1, timeout=0)  # tells what is assigned
        start = time.perf_counter()
        await take_all(member)
        return RECORDS / (time.perf_counter() - start)


async def memory() -> float:
    """Batches of 500 published while a member takes them."""
    async with MemoryBroker() as broker:
        await broker.create_topic(TOPIC)
        member = await broker.join("orders", "workers")
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(publish_all(broker))
            group.create_task(take_all(member))
        return RECORDS / (time.perf_counter() - start)


async def publish_all(broker: Broker) -> None:
    for k in range(RECORDS // STREAM_BATCH):
        await broker.publish("orders", batch(k))


def main() -> None:
    if OPTIONS.mode == "memory":
        play(lambda _directory: asyncio.run(memory()))
    elif OPTIONS.mode == "consume":
        filled = asyncio.run(populate(OPTIONS.dir / "broker.db"))
        play(lambda directory: asyncio.run(consume(fresh_copy(filled, directory))))
    else:
        play(lambda directory: asyncio.run(publish(directory)))


if __name__ == "__main__":
    main()

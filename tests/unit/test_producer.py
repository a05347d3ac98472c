"""The producer: what comes together goes together, a mistake is its maker's alone, and too much is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from headwater.clock import ManualClock
from headwater.errors import BadInput, Overloaded, RecordTooLarge, StoreClosed, StoreUnavailable
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.memory import MemoryBroker
from headwater.streaming.producer import Producer
from headwater.streaming.records import Confirmed, Progress
from headwater.testing.running import asynchronous

TOPIC = Topic("t", partitions=1, max_record_bytes=100)


class Gated(MemoryBroker):
    """Publishes when it is let, and notes how many records came together."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.gate = asyncio.Event()
        self.gate.set()
        self.sizes: list[int] = []
        self.error: Exception | None = None

    async def publish(self, topic: str, records: object) -> list[Confirmed]:
        await self.gate.wait()
        self.sizes.append(len(records))  # type: ignore[arg-type]
        if self.error:
            raise self.error
        return await super().publish(topic, records)  # type: ignore[arg-type]


@asynccontextmanager
async def producing(topic: Topic = TOPIC, *, waiting: int = 10) -> AsyncIterator[tuple[Producer, Gated, ManualClock]]:
    clock = ManualClock()
    broker = Gated(clock)
    await broker.create_topic(topic)
    producer = Producer(broker, topic, waiting=waiting, clock=clock)
    task = asyncio.get_running_loop().create_task(producer.run())
    await spin()
    try:
        yield producer, broker, clock
    finally:
        broker.gate.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await broker.close()


async def spin(turns: int = 30) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def record(n: int) -> NewRecord:
    return NewRecord(b"%d" % n, "k")


@asynchronous
async def test_what_comes_together_goes_together_in_order() -> None:
    async with producing() as (producer, broker, _):
        done = await asyncio.gather(*(producer.publish(record(n)) for n in range(8)))
        assert [each.offset for (each,) in done] == list(range(8))
        assert broker.sizes in ([8], [1, 7])


@asynchronous
async def test_one_callers_mistake_is_not_that_of_others() -> None:
    async with producing() as (producer, broker, _):
        broker.error = BadInput("one of them")
        found = await asyncio.gather(*(producer.publish(record(n)) for n in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [BadInput] * 3
        assert broker.sizes[-3:] == [1, 1, 1]
        broker.error = None
        with pytest.raises(RecordTooLarge):
            await producer.publish(NewRecord(b"x" * 101))
        assert len(await producer.publish(record(1), record(2))) == 2


@asynchronous
async def test_what_the_broker_says_is_told_to_all() -> None:
    async with producing() as (producer, broker, _):
        broker.error = StoreUnavailable("memory:", "away")
        found = await asyncio.gather(*(producer.publish(record(n)) for n in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [StoreUnavailable] * 3


@asynchronous
async def test_too_many_waiting_are_refused() -> None:
    async with producing() as (producer, broker, _):
        broker.gate.clear()
        tasks = [asyncio.create_task(producer.publish(record(n))) for n in range(10)]
        await spin()
        with pytest.raises(Overloaded, match="bound of 10") as refused:
            await producer.publish(record(10))
        assert refused.value.retry_after > 0
        broker.gate.set()
        await asyncio.gather(*tasks)
        await producer.publish(record(11))


@asynchronous
async def test_a_full_backlog_is_refused() -> None:
    topic = Topic("t", partitions=1, backlog=20)
    async with producing(topic, waiting=1_000) as (producer, broker, clock):
        member = await broker.join("t", "slow")
        await member.fetch(1, timeout=0)
        for n in range(2):
            await producer.publish(*(record(n) for _ in range(10)))
        with pytest.raises(Overloaded, match="backlog of topic 't' is at its bound of 20"):
            await producer.publish(record(0))
        clock.advance(0.3)
        await spin()
        await member.commit({0: Progress(10)})
        clock.advance(0.3)
        await spin()
        await producer.publish(*(record(n) for n in range(10)))
        with pytest.raises(Overloaded) as refused:
            await producer.publish(record(0))
        assert 0.1 <= refused.value.retry_after <= 30


@asynchronous
async def test_when_it_ends_what_has_begun_is_finished_and_the_rest_refused() -> None:
    async with producing() as (producer, broker, _):
        broker.gate.clear()
        begun = asyncio.create_task(producer.publish(record(0)))
        await spin()
        waiting = asyncio.create_task(producer.publish(record(1)))
        await spin()
        task = next(each for each in asyncio.all_tasks() if each.get_coro().__qualname__ == "Producer.run")  # type: ignore[union-attr]
        task.cancel()
        await spin()
        broker.gate.set()
        assert await begun
        with pytest.raises(StoreClosed):
            await waiting
        with pytest.raises(StoreClosed):
            await producer.publish(record(2))

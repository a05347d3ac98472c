"""The relay: everything recorded is published, in order for each stream, each once for whoever looks at ids; of several
relays one is at work. And reactions that run through topics do what they do on the store."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from bank import Deposit, Deposited, Open, Opened, accounts, balances
from clicks import until
from msgspec.structs import replace

from headwater import App, Envelope, Reaction, Record, Runtime, Schedule, Topic
from headwater.app import Stores, open_stores
from headwater.clock import ManualClock
from headwater.codec import EventCatalog
from headwater.delivery import relay as relaying
from headwater.delivery.relay import Relay
from headwater.errors import RecordTooLarge, StoreUnavailable
from headwater.messages import NewEvent, Write
from headwater.streaming.memory import MemoryBroker
from headwater.streaming.records import Confirmed
from headwater.testing.running import asynchronous

TOPIC = Topic("accounts", events=(Opened, Deposited), partitions=3)


@asynccontextmanager
async def opened(clock: ManualClock) -> AsyncIterator[tuple[Stores, MemoryBroker]]:
    stores, broker = await open_stores("memory:", clock=clock), MemoryBroker(clock=clock)
    await broker.create_topic(TOPIC)
    try:
        yield stores, broker
    finally:
        await broker.close()
        await stores.views.close()
        await stores.events.close()


EVENTS = EventCatalog([Opened, Deposited])


def relay_of(stores: Stores, broker: MemoryBroker, clock: ManualClock) -> Relay:
    return Relay(TOPIC, EVENTS, stores.events, broker, stores.delivery, clock, "urn:test")


@asynccontextmanager
async def at_work(*relays: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.get_running_loop().create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def record(stores: Stores, stream: str, count: int, start: int = 0) -> None:
    data = [b'{"account":"%s","pence":%d}' % (stream.encode(), n) for n in range(start, start + count)]
    events = [NewEvent("account.deposited", each) for each in data]
    await stores.events.append(Write(stream, events))


async def published(broker: MemoryBroker) -> list[Record]:
    return [record for partition in range(3) for record in await broker.read("accounts", partition, limit=10_000)]


async def of_stream(broker: MemoryBroker, stream: str) -> list[int]:
    records = [record for record in await published(broker) if record.key == stream]
    assert len({record.partition for record in records}) <= 1
    return [int(record.value.rpartition(b":")[2][:-1]) for record in records]


@asynchronous
async def test_what_is_recorded_is_published_in_order() -> None:
    clock = ManualClock()
    async with opened(clock) as (stores, broker):
        await record(stores, "a", 700)
        await stores.events.append(Write("b", [NewEvent("other.thing", b"{}")]))
        async with at_work(relay_of(stores, broker, clock)):
            await record(stores, "b", 3)
            await until(lambda: _count(broker, 703))
            await record(stores, "a", 3, start=700)
            await until(lambda: _count(broker, 706))
        assert await of_stream(broker, "a") == list(range(703))
        assert await of_stream(broker, "b") == [0, 1, 2]
        first = next(each for each in await published(broker) if each.key == "a")
        (event,) = await stores.events.read_stream("a", limit=1)
        assert (first.id, first.time, first.value) == (event.id, event.time, event.data)
        wanted = {"ce-type": "account.deposited", "ce-id": event.id, "ce-subject": "a", "ce-position": "1"}
        assert wanted.items() <= first.headers.items()


@asynchronous
async def test_a_topic_may_tell_something_else_than_what_is_stored() -> None:
    def told(event: Envelope) -> Envelope:
        return replace(event, data=event.data.replace(b"pence", b"cents"), type_version=2)

    clock, topic = ManualClock(), dataclasses.replace(TOPIC, told=told)
    async with opened(clock) as (stores, broker):
        await record(stores, "a", 2)
        async with at_work(Relay(topic, EVENTS, stores.events, broker, stores.delivery, clock, "urn:test")):
            await until(lambda: _count(broker, 2))
        first, _ = await published(broker)
        (event, *_) = await stores.events.read_stream("a")
        assert (first.id, first.value) == (event.id, b'{"account":"a","cents":0}')
        assert first.headers["ce-typeversion"] == "2"
        assert event.data == b'{"account":"a","pence":0}'


async def _count(broker: MemoryBroker, number: int) -> bool:
    return len(await published(broker)) >= number


@asynchronous
async def test_it_goes_on_where_it_was() -> None:
    clock = ManualClock()
    async with opened(clock) as (stores, broker):
        await record(stores, "a", 5)
        async with at_work(relay_of(stores, broker, clock)):
            await until(lambda: _moved(stores, 5))
        await record(stores, "a", 5, start=5)
        clock.advance(3_600)  # the broker has forgotten the ids: nothing may be published again
        async with at_work(relay_of(stores, broker, clock)):
            await until(lambda: _moved(stores, 10))
        assert await of_stream(broker, "a") == list(range(10))


async def _moved(stores: Stores, position: int) -> bool:
    return (await stores.delivery.relays()).get("accounts", 0) >= position


class Faulty(MemoryBroker):
    """Loses every third answer, and is away for every fifth publish."""

    calls = 0

    async def publish(self, topic: str, records: Any) -> list[Confirmed]:
        self.calls += 1
        if self.calls % 5 == 0:
            raise StoreUnavailable(self.address, "away")
        done = await super().publish(topic, records)
        if self.calls % 3 == 0:
            raise StoreUnavailable(self.address, "the answer was lost")
        return done


@asynchronous
async def test_lost_answers_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "PAGE", 7)
    clock = ManualClock()
    async with opened(clock) as (stores, _):
        broker = Faulty(clock=clock)
        await broker.create_topic(TOPIC)
        for stream in "abc":
            await record(stores, stream, 40)
        async with at_work(relay_of(stores, broker, clock)):
            await until(lambda: _moved(stores, 120))
        for stream in "abc":
            assert await of_stream(broker, stream) == list(range(40))
        assert broker.calls > 20
        await broker.close()


@asynchronous
async def test_of_several_the_last_to_come_works_and_another_takes_over_when_it_is_gone() -> None:
    clock = ManualClock()
    async with opened(clock) as (stores, broker):
        first, second = relay_of(stores, broker, clock), relay_of(stores, broker, clock)
        async with at_work(first):
            await record(stores, "a", 1)
            await until(lambda: _moved(stores, 1))
            async with at_work(second):
                await until(lambda: second.active)
                await record(stores, "a", 1, start=1)
                await until(lambda: not first.active, clock)
                await until(lambda: _moved(stores, 2))
                assert second.active
            await record(stores, "a", 1, start=2)
            await until(lambda: _moved(stores, 3), clock)
            assert first.active
        assert await of_stream(broker, "a") == [0, 1, 2]


@asynchronous
async def test_an_event_that_is_too_large_for_the_topic_is_said_and_nothing_is_left_out() -> None:
    topic = Topic("accounts", events=(Deposited,), max_record_bytes=50)
    app = App("bank", deciders=[accounts], topics=[topic])
    with pytest.raises(RecordTooLarge, match="max_record_bytes"):  # noqa: PT012 - it ends the block
        async with Runtime.open(app, broker="memory:") as runtime:
            await runtime.execute(Deposit("a" * 60, 1))
            await asyncio.Event().wait()


def welcome(happened: Opened) -> list[Any]:
    later = Schedule(f"later-{happened.account}", Deposit(happened.account, 1_000), after=timedelta(hours=1))
    return [Deposit(happened.account, 100), Deposit(happened.account, 10), later]


@asynchronous
async def test_reactions_run_through_topics(kept_url: str) -> None:
    clock = ManualClock()
    app = App("bank", [accounts], [balances], [Reaction("welcome", welcome)], topics=[TOPIC])
    async with Runtime.open(app, kept_url, broker="memory:", clock=clock) as runtime:
        await asyncio.gather(*(runtime.execute(Open(f"a{n}", "Ann"), id=f"open-{n}") for n in range(20)))
        await runtime.idle()
        clock.advance(3_600)
        await until(lambda: _all_have(runtime, 1_110), clock)
        await runtime.idle()
        (group,) = await runtime.broker.groups("accounts")  # type: ignore[union-attr]
        assert (group.name, group.records) == ("welcome", 0)
        opened, *others = await runtime.store.read_stream("account-a7")
        assert {each.metadata.correlation_id for each in others} == {"open-7"}
        assert all(each.metadata.causation_id.startswith(f"welcome:{opened.id}:") for each in others)


async def _all_have(runtime: Runtime, pence: int) -> bool:
    rows = await runtime.find(balances)
    return len(rows) == 20 and all(row.pence == pence for row in rows)


@asynchronous
async def test_a_failing_reaction_is_tried_for_ever_and_holds_up_its_stream_only() -> None:
    left = 12

    def moody(happened: Opened) -> list[Any]:
        nonlocal left
        if happened.account == "bad" and left:
            left -= 1
            raise RuntimeError("not yet")
        return [Deposit(happened.account, 1)]

    clock = ManualClock()
    app = App("bank", [accounts], [balances], [Reaction("moody", moody)], topics=[TOPIC])
    async with Runtime.open(app, broker="memory:", clock=clock) as runtime:
        for name in ("bad", "ann"):
            await runtime.execute(Open(name, name))
        await until(lambda: _has_penny(runtime, "ann"))
        await until(lambda: _has_penny(runtime, "bad"), clock)
        assert not left
        assert not await runtime.dead_letters.counts()


async def _has_penny(runtime: Runtime, name: str) -> bool:
    row = await runtime.get(balances, name)
    return row is not None and row.pence == 1

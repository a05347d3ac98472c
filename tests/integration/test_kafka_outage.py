"""Brokers of Kafka's protocol that go away in the middle of things: nothing confirmed is lost, and order holds.

They go away by closing their doors: what they had, they have when they come back. What a real cluster does to its data
meanwhile is not shown here.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from publishers import Load, everything, prove

from headwater.adapters.kafka.address import parse
from headwater.adapters.kafka.broker import KafkaBroker
from headwater.errors import AcknowledgementLost, BadInput, StoreError, StoreUnavailable
from headwater.fold import Topic
from headwater.messages import NewRecord, Record
from headwater.streaming.records import Progress
from headwater.testing.kafka import KafkaCluster, kafka_cluster
from headwater.testing.running import asynchronous

OUTAGES = 5
BETWEEN = 1_500  # confirmed records between two outages


@pytest.fixture
def nodes() -> Iterator[KafkaCluster]:
    """Two brokers of their own."""
    with kafka_cluster(2) as cluster:
        yield cluster


def down(cluster: KafkaCluster) -> None:
    for broker in cluster.brokers:
        cluster.down(broker)


def up(cluster: KafkaCluster) -> None:
    for broker in cluster.brokers:
        cluster.up(broker)


class TestAddresses:
    def test_all_parts(self) -> None:
        address = parse("kafka://shop:se%2Fcret@a:1,[::1]:2,c?group.prefix=shop.&patience=3&linger.ms=7")
        assert (address.servers, address.prefix, address.patience) == ("a:1,[::1]:2,c:9092", "shop.", 3)
        assert address.options["sasl.password"] == "se/cret"
        assert address.producer()["linger.ms"] == "7"
        assert address.shown == "kafka://a:1,[::1]:2,c"

    @pytest.mark.parametrize("url", [
        "http://a", "kafka://", "kafka://a:0", "kafka://a:99999", "kafka://a b", "kafka://a/path", "kafka://a,",
        "kafka://a?group.prefix=a/b", "kafka://a?patience=0", "kafka://a?patience=soon", "kafka://u:secret@a:b",
        "kafka://a?test.mock.num.brokers=3", "kafka://a?enable.auto.commit=true&sasl.password=secret",
    ])  # fmt: skip
    def test_what_is_none(self, url: str) -> None:
        with pytest.raises(BadInput) as caught:
            parse(url)
        assert "secret" not in str(caught.value)

    @asynchronous
    async def test_an_option_that_is_none(self) -> None:
        for option in ("color=red", "linger.ms=soon"):
            with pytest.raises(BadInput):
                await KafkaBroker.open(f"kafka://127.0.0.1:1?{option}")


class TestGoingAway:
    @asynchronous(seconds=30)
    async def test_nobody_there(self) -> None:
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await KafkaBroker.open("kafka://127.0.0.1:1?patience=0.5")
        assert time.monotonic() - start < 5

    @asynchronous(seconds=60)
    async def test_calls_end_within_their_patience(self, nodes: KafkaCluster) -> None:
        broker = await KafkaBroker.open(f"{nodes.url()}&patience=0.7")
        await broker.create_topic(Topic("t", partitions=1))
        member = await broker.join("t", "g")
        while not member.assigned:
            await member.fetch(10, timeout=1)
        down(nodes)
        calls = (
            lambda: broker.topics(),
            lambda: broker.create_topic(Topic("u")),
            lambda: broker.publish("t", [NewRecord(b"")]),
            lambda: broker.ends("t"),
            lambda: broker.read("t", 0),
            lambda: broker.groups("t"),
            lambda: broker.join("u", "g"),
            lambda: member.commit({0: Progress(1)}),
            lambda: _until_it_fails(member.fetch),
        )
        for call in calls:
            start = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await call()
            assert time.monotonic() - start < 8
        up(nodes)
        await _until_it_works(lambda: broker.publish("t", [NewRecord(b"1")]))
        await _until_it_works(lambda: member.commit({0: Progress(0)}))
        assert [record.value for record in await _some(member.fetch)] == [b"1"]
        down(nodes)
        start = time.monotonic()
        await broker.close()
        assert time.monotonic() - start < 8

    @asynchronous(seconds=90)
    async def test_in_the_middle_of_publishing(self, nodes: KafkaCluster) -> None:
        async with await KafkaBroker.open(nodes.url()) as broker:
            await broker.create_topic(Topic("t", partitions=2))
            load = Load("t")
            async with publishing(nodes.url(), load):
                for _ in range(OUTAGES):
                    await load.until(len(load.confirmed) + BETWEEN)
                    await asyncio.to_thread(down, nodes)
                    await asyncio.to_thread(up, nodes)
                await load.until(len(load.confirmed) + BETWEEN)
            prove(load, await everything(broker, "t"))

    @asynchronous(seconds=60)
    async def test_answers_that_are_lost(self, nodes: KafkaCluster) -> None:
        """What was published and not answered is not published again: sequence numbers say that it is there."""
        async with await KafkaBroker.open(nodes.url()) as broker:
            await broker.create_topic(Topic("t", partitions=2))
            new = [NewRecord(b"%d" % n, f"k{n % 5}") for n in range(100)]
            await broker.publish("t", new[:10])
            for broker_id in nodes.brokers:
                nodes.mute(broker_id)
            publishing = asyncio.create_task(broker.publish("t", new[10:]))
            await _there(broker, 11)  # not all, where they go in many requests: of those only so many are under way
            assert not publishing.done()
            down(nodes)
            for broker_id in nodes.brokers:
                nodes.unmute(broker_id)
            up(nodes)
            assert len(set(await publishing)) == 90
            assert sorted(int(record.value) for record in await everything(broker, "t")) == list(range(100))

    @asynchronous(seconds=90)
    async def test_for_longer_than_anybody_waits(self, nodes: KafkaCluster) -> None:
        """Whoever is told that nothing is known publishes again: then there is more than once what was there, but the
        first of each is in order."""
        async with await KafkaBroker.open(f"{nodes.url()}&patience=0.5") as broker:
            await broker.create_topic(Topic("t", partitions=2))
            load = Load("t")
            lost: list[StoreError] = []
            tasks = [asyncio.create_task(_stubborn(broker, load, f"p{n}", lost)) for n in range(4)]
            for _ in range(3):
                await load.until(len(load.confirmed) + BETWEEN)
                before = len(lost)
                await asyncio.to_thread(down, nodes)
                await _told(lost, before + 4)
                await asyncio.to_thread(up, nodes)
            await load.until(len(load.confirmed) + BETWEEN)
            load.stop.set()
            await asyncio.gather(*tasks)
            records = await _until_it_works(lambda: everything(broker, "t"))
            assert any(isinstance(error, AcknowledgementLost) for error in lost)
            prove(load, _first_of_each(records, load))


@asynccontextmanager
async def publishing(url: str, load: Load) -> AsyncIterator[None]:
    """Several publishers, of two broker objects: one by one, a few at once, many at once."""
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(await KafkaBroker.open(url)) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            for number, (broker, largest) in enumerate(((one, 1), (one, 40), (other, 600), (other, 40))):
                group.create_task(load.publisher(broker, f"p{number}", largest=largest))
            yield
            load.stop.set()


async def _stubborn(broker: KafkaBroker, load: Load, name: str, lost: list[StoreError]) -> None:
    """A publisher that counts how often it was told that something went wrong."""
    n = 0
    while not load.stop.is_set():
        texts = [f"{name}:{n + i}" for i in range(20)]
        new = [NewRecord(text.encode(), name, text) for text in texts]
        while True:
            try:
                load.confirmed |= zip(texts, await broker.publish("t", new), strict=True)
                break
            except StoreUnavailable as error:
                lost.append(error)
        n += 20
        load.moved.set()


def _first_of_each(records: list[Record], load: Load) -> list[Record]:
    """As who knows ids by heart sees it: the first of each id, at the place that was confirmed at last."""
    seen: dict[str, Record] = {}
    places: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for record in records:
        seen.setdefault(record.id, record)
        places[record.id].add((record.partition, record.offset))
    for text, place in load.confirmed.items():
        assert place[:2] in places[text], "what was confirmed is there"
        load.confirmed[text] = place._replace(offset=seen[text].offset)
    return list(seen.values())


async def _there(broker: KafkaBroker, at_least: int) -> None:
    there = 0
    while there < at_least:
        there = len(await everything(broker, "t"))


async def _told(lost: list[StoreError], count: int) -> None:
    while len(lost) < count:  # noqa: ASYNC110 - whoever publishes is told when the time is over, and not before
        await asyncio.sleep(0.01)


async def _until_it_fails(fetch) -> None:  # type: ignore[no-untyped-def]
    for _ in range(50):
        await fetch(10, timeout=0.1)


async def _until_it_works(call):  # type: ignore[no-untyped-def]
    for _ in range(200):
        with suppress(StoreUnavailable):
            return await call()
        await asyncio.sleep(0.02)
    raise AssertionError("it never works")


async def _some(fetch) -> list[Record]:  # type: ignore[no-untyped-def]
    while True:
        with suppress(StoreUnavailable):
            if found := await fetch(10, timeout=5):
                return found

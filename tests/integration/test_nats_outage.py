"""No server, one that refuses, one that goes away: typed errors within a bounded time, and no password in messages."""

import asyncio
import logging
import time

import pytest

from headwater.adapters.nats.address import parse
from headwater.adapters.nats.broker import NatsBroker
from headwater.errors import AcknowledgementLost, BadInput, StoreRefused, StoreUnavailable
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.testing.nats import NatsCluster, NatsServer, nats_server
from headwater.testing.running import asynchronous

SECURED = 'authorization { user: "shop", password: "se/cret" }'


class TestAddresses:
    def test_all_parts(self) -> None:
        address = parse("nats://shop:se%2Fcret@a:1,[::1]:2,c?namespace=shop&patience=3")
        assert (address.user, address.password, address.namespace, address.patience) == ("shop", "se/cret", "shop", 3)
        assert address.servers == [("a", 1), ("::1", 2), ("c", 4222)]
        assert address.shown == "nats://a:1,[::1]:2,c?namespace=shop"

    @pytest.mark.parametrize("url", [
        "http://a", "nats://", "nats://a:0", "nats://a:99999", "nats://a b", "nats://a/path", "nats://a?namespace=A",
        "nats://a?patience=0", "nats://a?patience=soon", "nats://a?color=red", "nats://u:secret@a:b", "nats://a,",
    ])  # fmt: skip
    def test_what_is_none(self, url: str) -> None:
        with pytest.raises(BadInput) as caught:
            parse(url)
        assert "secret" not in str(caught.value)


class TestOpening:
    @asynchronous(seconds=30)
    async def test_no_server(self) -> None:
        with nats_server() as server:
            url = server.url()
        start = time.monotonic()
        with pytest.raises(StoreUnavailable):
            await NatsBroker.open(url)
        assert time.monotonic() - start < 5

    @asynchronous(seconds=30)
    async def test_some_of_the_servers(self) -> None:
        with nats_server() as away:
            gone = away.url().removeprefix("nats://")
        with nats_server() as server:
            for url in (f"{server.url()},{gone}", f"nats://{gone},{server.url().removeprefix('nats://')}"):
                async with await NatsBroker.open(url) as broker:
                    assert await broker.topics() == []

    @asynchronous(seconds=30)
    async def test_who_may_not(self) -> None:
        with nats_server(SECURED) as server:
            async with await NatsBroker.open(server.url("shop:se%2Fcret")) as broker:
                assert broker.address == server.url()
            for user in ("", "shop:wrong", "other:se%2Fcret"):
                with pytest.raises(StoreRefused) as caught:
                    await NatsBroker.open(server.url(user))
                assert "se/cret" not in str(caught.value)

    @asynchronous(seconds=30)
    async def test_a_server_without_streams(self) -> None:
        with nats_server("jetstream: disabled") as server, pytest.raises(StoreUnavailable):
            await NatsBroker.open(f"{server.url()}?patience=0.5")


class TestGoingAway:
    @asynchronous(seconds=60)
    async def test_calls_end_within_their_patience(self) -> None:
        with nats_server() as server:
            broker = await NatsBroker.open(f"{server.url()}?patience=0.5")
            await broker.create_topic(Topic("t", partitions=1))
            member = await broker.join("t", "g", session=60)
            server.kill()
            calls = (
                lambda: broker.topics(),
                lambda: broker.publish("t", [NewRecord(b"1")]),
                lambda: broker.read("t", 0),
                lambda: broker.ends("t"),
                lambda: broker.groups("t"),
                lambda: broker.create_topic(Topic("u")),
                lambda: broker.join("t", "g"),
                lambda: fetched(member),
            )
            for call in calls:
                start = time.monotonic()
                with pytest.raises(StoreUnavailable) as caught:
                    await call()
                assert not isinstance(caught.value, AcknowledgementLost), "nothing was sent: it was known to be away"
                assert time.monotonic() - start < 8
            await broker.close()

    @asynchronous(seconds=60)
    async def test_publishing_outlives_a_short_outage(self) -> None:
        with nats_server() as server:
            async with await NatsBroker.open(server.url()) as broker:
                await broker.create_topic(Topic("t", partitions=1))
                server.kill()
                waiting = asyncio.create_task(broker.publish("t", [NewRecord(b"1")]))
                await asyncio.to_thread(server.start)
                (place,) = await waiting
                assert [record.value for record in await broker.read("t", 0)] == [b"1"]
                assert not place.repeated

    @asynchronous(seconds=60)
    async def test_the_driver_gives_up(self, caplog: pytest.LogCaptureFixture) -> None:
        """As it does when the server says that something is wrong with the user."""
        with nats_server() as server, caplog.at_level(logging.ERROR):
            async with await NatsBroker.open(server.url()) as broker:
                await broker.create_topic(Topic("t", partitions=1))
                member = await broker.join("t", "g")
                await broker._connection._client._process_err("'user authentication expired'")
                await broker.publish("t", [NewRecord(b"1")])
                while not await member.fetch(1, timeout=1):
                    pass


async def fetched(member: object) -> None:
    """Fetch until something is wrong."""
    while True:
        await member.fetch(10, timeout=0.2)  # type: ignore[attr-defined]


class TestReplicas:
    @asynchronous(seconds=60)
    async def test_more_than_one_needs_a_cluster(self, nats: NatsServer) -> None:
        async with await NatsBroker.open(f"{nats.url()}?namespace=replicas") as broker:
            with pytest.raises(BadInput):
                await broker.create_topic(Topic("t", partitions=1, replicas=3))

    @asynchronous(seconds=60)
    async def test_a_topic_on_one_node_and_then_on_three(self, nats_nodes: NatsCluster) -> None:
        async with await NatsBroker.open(f"{nats_nodes.url()}?namespace=replicas") as broker:
            await broker.create_topic(Topic("t", partitions=2, replicas=1))
            await broker.publish("t", [NewRecord(b"%d" % n, f"k{n}") for n in range(50)])
            await broker.create_topic(Topic("t", partitions=2, replicas=3))
            await broker.publish("t", [NewRecord(b"%d" % n, f"k{n}") for n in range(50, 100)])
            member = await broker.join("t", "g")
            seen: set[bytes] = set()
            while len(seen) < 100:
                seen |= {record.value for record in await member.fetch(100, timeout=1)}
            assert [topic.replicas for topic in await broker.topics()] == [3]

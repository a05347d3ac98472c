"""Every broker passes the same suite."""

from dataclasses import replace
from pathlib import Path

import pytest

from headwater.adapters.kafka.broker import KafkaBroker
from headwater.adapters.nats.broker import NatsBroker
from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.fold import Topic
from headwater.streaming.memory import MemoryBroker
from headwater.testing.kafka import KafkaCluster
from headwater.testing.nats import NatsCluster, NatsServer
from headwater.testing.streaming import BrokerConformance, OpenBroker


class TestMemory(BrokerConformance):
    @pytest.fixture
    def open_broker(self) -> OpenBroker:
        async def open(_place: str) -> MemoryBroker:
            return MemoryBroker()

        return open


class TestSqlite(BrokerConformance):
    @pytest.fixture
    def open_broker(self, tmp_path: Path) -> OpenBroker:
        async def open(place: str) -> SqliteBroker:
            return await SqliteBroker.open(str(tmp_path / f"{place}.db"))

        return open


class TestNats(BrokerConformance):
    @pytest.fixture
    def open_broker(self, nats: NatsServer) -> OpenBroker:
        async def open(place: str) -> NatsBroker:
            return await NatsBroker.open(f"{nats.url()}?namespace={place}")

        return open


class OnThree(NatsBroker):
    """Keeps every topic on three nodes."""

    async def create_topic(self, topic: Topic) -> None:
        await super().create_topic(replace(topic, replicas=3))


class TestNatsCluster(BrokerConformance):
    @pytest.fixture
    def open_broker(self, nats_nodes: NatsCluster) -> OpenBroker:
        async def open(place: str) -> NatsBroker:
            return await OnThree.open(f"{nats_nodes.url()}?namespace={place}")

        return open


class TestKafka(BrokerConformance):
    @pytest.fixture
    def open_broker(self, kafka: KafkaCluster) -> OpenBroker:
        async def open(place: str) -> KafkaBroker:
            return await KafkaBroker.open(f"{kafka.url()}&group.prefix={place}.")

        return open

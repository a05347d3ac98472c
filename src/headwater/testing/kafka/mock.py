"""The process that `headwater.testing.kafka` starts: librdkafka's mock cluster, with doors in front of its brokers.

    python -m headwater.testing.kafka.mock 3

A door takes a broker's connections on a port of its own, which is what the broker tells clients to come to, and passes
on what goes both ways. It answers itself what the mock cluster cannot be asked: to make, change and remove topics
(answers.py); and what was published before, as the sequence numbers of publishers say. It can be shut, which looks like
a broker that is down, and it can swallow answers.

The first line that is printed has the addresses of all doors. Then it takes commands, one a line, and prints an answer
to each: `down N`, `up N`, `mute N`, `unmute N` (N: a broker, from 1), `trim TOPIC PARTITION OFFSET`. It ends with its
input.
"""

import asyncio
import ctypes
import ctypes.util
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from headwater.testing.kafka.answers import Answers
from headwater.testing.kafka.doors import Batches, Door

PRODUCER = 0  # rd_kafka_type_t


class MockCluster:
    """librdkafka's mock cluster, by its C interface: the Python client has none for it."""

    def __init__(self, brokers: int) -> None:
        self._lib = _library()
        self._lib.rd_kafka_new.restype = ctypes.c_void_p
        self._lib.rd_kafka_conf_new.restype = ctypes.c_void_p
        self._lib.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
        self._lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        said = ctypes.create_string_buffer(512)
        conf = ctypes.c_void_p(self._lib.rd_kafka_conf_new())
        self._client = ctypes.c_void_p(self._lib.rd_kafka_new(PRODUCER, conf, said, 512))
        if not self._client:
            raise RuntimeError(said.value.decode())
        self._cluster = ctypes.c_void_p(self._lib.rd_kafka_mock_cluster_new(self._client, brokers))
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, ctypes.c_int32(20))
        self._lib.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(self._cluster, ctypes.c_int(30))
        self._lib.rd_kafka_mock_set_group_consumer_session_timeout_ms(self._cluster, ctypes.c_int(3000))

    def ports(self) -> list[int]:
        """Where the brokers themselves listen, the first one first."""
        places = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return [int(place.rpartition(":")[2]) for place in places.split(",")]

    def advertise(self, broker: int, port: int) -> None:
        """Have a broker tell clients to come to another port of 127.0.0.1."""
        self._lib.rd_kafka_mock_broker_set_host_port(
            self._cluster, ctypes.c_int32(broker), b"127.0.0.1", ctypes.c_int(port)
        )

    def create_topic(self, name: str, partitions: int, replicas: int) -> int:
        """Make a topic; Kafka's number for what went wrong, or 0."""
        done = self._lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, replicas)
        return int(done)

    def remove_topic(self, name: str) -> int:
        """Remove a topic; Kafka's number for what went wrong, or 0."""
        return int(self._lib.rd_kafka_mock_topic_delete(self._cluster, name.encode()))

    def trim(self, topic: str, partition: int, offset: int) -> int:
        """Remove what lies before an offset; Kafka's number for what went wrong, or 0."""
        done = self._lib.rd_kafka_mock_partition_delete_records(
            self._cluster, topic.encode(), ctypes.c_int32(partition), ctypes.c_int64(offset)
        )
        return int(done)


def _library() -> ctypes.CDLL:
    """The librdkafka that the Python client brings along, or the machine's."""
    found = importlib.util.find_spec("confluent_kafka")
    places = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    for place in places:
        for file in sorted(place.parent.glob("confluent_kafka.libs/librdkafka*.so*")):
            return ctypes.CDLL(str(file))
    if name := ctypes.util.find_library("rdkafka"):
        return ctypes.CDLL(name)
    raise RuntimeError("there is no librdkafka here; pip install confluent-kafka")


async def main(brokers: int) -> None:
    """Run the cluster until the input ends."""
    cluster = MockCluster(brokers)
    answers, batches = Answers(cluster), Batches()
    doors = [Door(port, answers, batches) for port in cluster.ports()]
    for number, door in enumerate(doors, 1):
        await door.open()
        cluster.advertise(number, door.port)
    print(",".join(f"127.0.0.1:{door.port}" for door in doors), flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        print(await _obey(line.decode().split(), doors, cluster), flush=True)


async def _obey(words: Sequence[str], doors: Sequence[Door], cluster: MockCluster) -> str:
    if words[0] == "trim":
        return str(cluster.trim(words[1], int(words[2]), int(words[3])))
    door = doors[int(words[1]) - 1]
    match words[0]:
        case "down":
            await door.shut()
        case "up":
            await door.open()
        case "mute":
            door.mute = True
        case "unmute":
            door.mute = False
        case _:
            return f"unknown command {words[0]}"
    return "ok"


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))

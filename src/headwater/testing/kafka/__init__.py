"""Something that speaks Kafka's protocol for tests, with nothing installed by hand: librdkafka's mock cluster.

    from headwater.testing.kafka import kafka_cluster

    with kafka_cluster() as cluster:
        url = cluster.url()             # kafka://127.0.0.1:50123,127.0.0.1:50124?…

It runs in a process of its own, so any number of processes may use it, and comes with `pip install confluent-kafka`.

What it shows: records, offsets, groups with their rebalances, and commits go over TCP as to a real broker, with the
real client; a broker can go down and come up, and its answers can be lost. What it does not show: durability (all is in
memory, about 5 MB a partition; older records are dropped, and no limit of a topic is looked at), replication, elections
of leaders (a partition whose broker is down waits for it), compaction, transactions, authentication, load. Topics are
made, changed and removed by code of ours (answers.py), which also leaves out repetitions by a publisher's sequence
numbers (doors.py): that the client numbers what it repeats as before is shown, what a broker does with it is not.
Groups of the classic protocol wait `session - 1` seconds at each change, whether any member is missing or not, while
real brokers wait for those only; so `url` has groups use the newer one, which is quick here.

Linux only: the cluster dies with the process that started it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from headwater.errors import HeadwaterError

QUICK = "group.protocol=consumer&fetch.wait.max.ms=20&reconnect.backoff.max.ms=200"
END_WITHIN = 10.0  # seconds


class KafkaFailed(HeadwaterError):
    """The cluster did not start, or did not do as it was told; the message ends with what it said."""


@contextmanager
def kafka_cluster(brokers: int = 1) -> "Iterator[KafkaCluster]":
    """A cluster of so many brokers, on free ports of 127.0.0.1, until the block ends. Raises KafkaFailed."""
    cluster = KafkaCluster(brokers)
    try:
        yield cluster
    finally:
        cluster.stop()


class KafkaCluster:
    """A mock cluster in a process of its own. Synchronous; brokers are numbered from 1."""

    def __init__(self, brokers: int) -> None:
        self.brokers = range(1, brokers + 1)
        command = [sys.executable, "-m", "headwater.testing.kafka.mock", str(brokers)]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], process_group=0, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._places = self._line()

    def url(self, options: str = QUICK) -> str:
        """Its address, with options for its clients."""
        return f"kafka://{self._places}" + (f"?{options}" if options else "")

    def down(self, broker: int) -> None:
        """Cut a broker's connections, and let nobody in. It keeps what it has."""
        self._tell(f"down {broker}")

    def up(self, broker: int) -> None:
        """Let clients in again."""
        self._tell(f"up {broker}")

    def mute(self, broker: int) -> None:
        """From now on swallow what a broker answers to those who publish. They are heard."""
        self._tell(f"mute {broker}")

    def unmute(self, broker: int) -> None:
        """Swallow nothing any more."""
        self._tell(f"unmute {broker}")

    def trim(self, topic: str, partition: int, offset: int) -> None:
        """Remove the records before an offset, as a broker does whose limits say so."""
        self._tell(f"trim {topic} {partition} {offset}", "0")

    def pause(self) -> None:
        """Have all brokers stand still (SIGSTOP): connections stay, nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Undo `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, and all that it has."""
        self._process.kill()
        self._process.communicate(timeout=END_WITHIN)

    def _tell(self, command: str, expected: str = "ok") -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        if (said := self._line()) != expected:
            raise KafkaFailed(f"{command}: {said}")

    def _line(self) -> str:
        assert self._process.stdout
        if not (line := self._process.stdout.readline()):
            raise KafkaFailed("the mock cluster has ended; its errors are above")
        return line.strip()

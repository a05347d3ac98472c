"""Groups of Kafka's where the suite does not look: both protocols, processes that die or stand still, batches that
change hands."""

import asyncio
import os
import signal
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from headwater.adapters.kafka.broker import KafkaBroker
from headwater.adapters.kafka.holding import MANY
from headwater.adapters.kafka.working import AT_ONCE
from headwater.errors import BadInput, StoreClosed, StoreError
from headwater.fold import Topic
from headwater.messages import Record
from headwater.streaming.port import Member
from headwater.streaming.records import Progress
from headwater.testing.kafka import KafkaCluster
from headwater.testing.running import asynchronous
from headwater.testing.streaming.harness import fetch, fetch_all, numbered, numbers, share_out, until

WORKER = Path(__file__).parent / "kafka_worker.py"
CLASSIC = "session.timeout.ms=4000&heartbeat.interval.ms=100&fetch.wait.max.ms=20"  # see headwater.testing.kafka
LONG = 60.0


@asynchronous(seconds=60)
async def test_two_members_of_the_classic_protocol(kafka: KafkaCluster) -> None:
    async with await KafkaBroker.open(f"{kafka.url(CLASSIC)}&group.prefix=classic.") as broker:
        await broker.create_topic(Topic("classic", partitions=4))
        await broker.publish("classic", numbered(40, keys=20))
        one = await broker.join("classic", "g", drain=LONG)
        found = await fetch(one, 40)
        before = dict(one.assigned)
        other = await broker.join("classic", "g", drain=LONG)
        while not one.leaving:
            await one.fetch(10, timeout=1)
        await one.commit({p: Progress(offset + 1) for p, offset in _last(found).items()})
        await one.release(one.leaving)
        assert await share_out(4, one, other) == [], "all of it was committed"
        assert len(one.assigned) == 2
        assert one.assigned.items() <= before.items(), "who stays keeps what it may"
        await broker.publish("classic", numbered(40, start=40, keys=20))
        new = await fetch_all([one, other], 40)
        assert sorted(n for records in new.values() for n in numbers(records)) == list(range(40, 80))
        await other.leave()
        await share_out(4, one)
        await one.commit({p: Progress(end) for p, (_, end) in (await broker.ends("classic")).items()})
        (group,) = await broker.groups("classic")
        assert [lag.member for lag in group.lags] == [one.name] * 4


@asynchronous(seconds=60)
async def test_a_batch_changes_hands(kafka: KafkaCluster) -> None:
    """What was done is handed on, in spite of gaps; what comes too late is left out; each key keeps its order."""
    async with await KafkaBroker.open(f"{kafka.url()}&group.prefix=hands.") as broker:
        await broker.create_topic(Topic("hands", partitions=2))
        await broker.publish("hands", numbered(60, keys=12))
        one = await broker.join("hands", "g", drain=LONG)
        found = await fetch(one, 60)
        other = await broker.join("hands", "g", drain=LONG)
        while not one.leaving:
            await one.fetch(10, timeout=1)
        (leaving,) = one.leaving
        theirs = [record for record in found if record.partition == leaving]
        half = theirs[len(theirs) // 2].offset
        reached = Progress(half, f"{half + 2}-{half + 3}")
        await one.commit({leaving: reached})
        await one.release([leaving])
        await one.commit({leaving: Progress(theirs[-1].offset + 1)})
        await share_out(2, one, other)
        assert other.assigned[leaving].progress == reached
        rest = await fetch(other, len(theirs) - half)
        assert [record.offset for record in rest] == list(range(half, theirs[-1].offset + 1))
        assert _by_key(theirs[:half] + rest) == _by_key(theirs)


@asynchronous(seconds=60)
async def test_a_stopped_process_commits_nothing(kafka: KafkaCluster) -> None:
    url = f"{kafka.url()}&group.prefix=stopped."
    async with await KafkaBroker.open(url) as broker:
        await broker.create_topic(Topic("stopped", partitions=1))
        await broker.publish("stopped", numbered(10))
        worker = await _start(url, "stopped")
        member = await broker.join("stopped", "g")
        await member.commit(_after(await fetch(member, 3, limit=3)))
        os.kill(worker.pid, signal.SIGCONT)
        assert worker.stdout
        assert await worker.stdout.readline() == b"committed\n"
        (group,) = await broker.groups("stopped")
        assert group.records == 7
        assert await worker.stdout.readline() == b"lost\n"
        assert await worker.wait() == 0


@asynchronous(seconds=60)
async def test_a_killed_process_is_replaced(kafka: KafkaCluster) -> None:
    url = f"{kafka.url()}&group.prefix=killed."
    async with await KafkaBroker.open(url) as broker:
        await broker.create_topic(Topic("killed", partitions=1))
        await broker.publish("killed", numbered(10))
        worker = await _start(url, "killed")
        worker.kill()
        await worker.wait()
        member = await broker.join("killed", "g")
        assert numbers(await fetch(member, 10)) == list(range(10))
        assert member.assigned[0].generation == 2


@asynchronous(seconds=60)
async def test_a_slow_reader_holds_few(kafka: KafkaCluster) -> None:
    """Records that nobody fetches wait with the cluster, and all of them come in the end."""
    async with await KafkaBroker.open(f"{kafka.url()}&group.prefix=slow.") as broker:
        await broker.create_topic(Topic("slow", partitions=1))
        await broker.publish("slow", numbered(9_000))
        member = await broker.join("slow", "g")
        found = await fetch(member, 1)
        waiting = member._standing.shares[0]

        async def many() -> bool:
            return waiting.next >= MANY

        await until(many, "records wait to be fetched")
        assert len(waiting._records) < MANY + AT_ONCE
        found += await fetch(member, 8_999, limit=100)
        assert numbers(found) == list(range(9_000))


@asynchronous(seconds=60)
async def test_a_topic_that_is_removed_under_a_member(kafka: KafkaCluster) -> None:
    async with await KafkaBroker.open(f"{kafka.url()}&group.prefix=gone.") as broker:
        await broker.create_topic(Topic("gone", partitions=1))
        member = await broker.join("gone", "g")
        await share_out(1, member)
        await broker.remove_topic("gone")
        assert await _errors(member) == {"UnknownType"}
        await member.leave()
        with pytest.raises(StoreClosed):
            await member.fetch(1, timeout=1)


async def _errors(member: Member) -> set[str]:
    """What fetching raises in the end."""
    for _ in range(100):
        try:
            await member.fetch(10, timeout=0.1)
        except (StoreError, BadInput) as error:
            return {type(error).__name__}
    return set()


async def _start(url: str, topic: str) -> asyncio.subprocess.Process:
    """A worker that has fetched everything, and stands still."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), url, topic, "g", stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout
    assert int(await worker.stdout.readline()) == 10
    return worker


def _last(records: list[Record]) -> dict[int, int]:
    return {record.partition: record.offset for record in records}


def _after(records: list[Record]) -> dict[int, Progress]:
    return {partition: Progress(offset + 1) for partition, offset in _last(records).items()}


def _by_key(records: list[Record]) -> dict[str | None, list[bytes]]:
    found: defaultdict[str | None, list[bytes]] = defaultdict(list)
    for record in records:
        found[record.key].append(record.value)
    return found

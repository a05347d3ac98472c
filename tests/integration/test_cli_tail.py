"""`headwater stream tail`: in order within each partition, to an end that is known, or until nobody listens."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from cli_running import Cli, ended, values

from headwater.app import open_broker
from headwater.cli.tailing import PAGE, Tail
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.testing.running import asynchronous

MANY = 3 * PAGE
LONG = b'"%s"' % (b"x" * 200)  # a page of these is more than a pipe holds


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


async def _filled(cli: Cli, *records: NewRecord, partitions: int = 1) -> None:
    async with await open_broker(cli.broker) as broker:
        await broker.create_topic(Topic("a", partitions=partitions))
        await broker.publish("a", records)


async def _printed(cli: Cli, *options: str) -> list[Any]:
    done = await cli.aside("stream", "tail", "a", "--from-start", *options, "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


@asynchronous(seconds=60)
async def test_times_do_not_change_the_order_of_a_partition(cli: Cli) -> None:
    keys, times = ("k", "l", "m", "n"), (50, 40, 60, 10)
    records = [NewRecord(b"%d" % time, key, time=time * 1_000_000 + 1) for time in times for key in keys]
    await _filled(cli, *records, partitions=3)
    found = await _printed(cli, "--no-follow")
    for key in keys:
        assert [each["value"] for each in found if each["key"] == key] == list(times)
    offsets: dict[int, list[int]] = {}
    for each in found:
        offsets.setdefault(each["partition"], []).append(each["offset"])
    assert all(run == list(range(len(run))) for run in offsets.values())
    assert len(found) == len(records)


@asynchronous(seconds=60)
async def test_partitions_come_together_by_time(cli: Cli) -> None:
    records = [NewRecord(b"%d" % n, f"k{n % 7}", time=n * 1_000_000 + 1) for n in range(50)]
    await _filled(cli, *records, partitions=3)
    assert values(await _printed(cli, "--no-follow")) == list(range(50))


@pytest.mark.parametrize("there", [3, PAGE, PAGE + 5])
def test_without_following_it_ends_where_the_topic_ended(tmp_path: Path, there: int) -> None:
    @asynchronous
    async def ends() -> None:
        async with await open_broker(f"sqlite:///{tmp_path}/topics.db") as broker:
            await broker.create_topic(Topic("a", partitions=1))
            await broker.publish("a", [NewRecord(b"%d" % n) for n in range(there)])
            read = []
            async for record in Tail(broker, "a", {0: 0}).read(follow=False):
                read.append(record.offset)
                await broker.publish("a", [NewRecord(b"later"), NewRecord(b"later")])
            assert read == list(range(there))

    ends()


@asynchronous(seconds=60)
async def test_it_prints_what_comes_until_ctrl_c(cli: Cli) -> None:
    await _filled(cli, NewRecord(b"1"))
    with cli.running("stream", "tail", "a", "--from-start", "--json") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["value"] == 1
        await cli.aside("stream", "publish", "a", stdin="2\n")
        assert json.loads(process.stdout.readline())["value"] == 2
        process.send_signal(signal.SIGINT)
        assert ended(process) == (0, "")


@asynchronous(seconds=60)
async def test_one_partition_and_a_count(cli: Cli) -> None:
    await _filled(cli, *(NewRecord(b"%d" % n) for n in range(10)), partitions=2)
    found = await _printed(cli, "--partition", "1", "--count", "3")
    assert [(each["partition"], each["offset"]) for each in found] == [(1, 0), (1, 1), (1, 2)]
    assert "unknown partition '2'" in (await cli.aside("stream", "tail", "a", "--partition", "2", code=2)).stderr


@asynchronous(seconds=60)
async def test_ctrl_c_ends_it_amid_what_is_there(cli: Cli) -> None:
    await _filled(cli, *(NewRecord(LONG) for _ in range(MANY)))
    with cli.running("stream", "tail", "a", "--from-start", "--no-follow", "--json") as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGINT)  # it cannot have come far: the pipe is full
        assert len(process.stdout.readlines()) < MANY - 1
        assert ended(process) == (0, "")


@asynchronous(seconds=60)
async def test_it_ends_quietly_when_nobody_listens(cli: Cli) -> None:
    await _filled(cli, *(NewRecord(LONG) for _ in range(MANY)))
    with cli.running("stream", "tail", "a", "--from-start", "--json") as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert ended(process) == (1, "")

"""`headwater stream`, as a user runs it: topics, publishing, groups."""

import asyncio
import fcntl
import json
import signal
import sys
import termios
from pathlib import Path

import apsw
import pytest
from cli_running import Cli, Running, ended, values
from clicks import app_of, click, counting, hits, until
from store_processes import tell

from headwater import Runtime
from headwater.app import open_broker
from headwater.cli.watching import watch
from headwater.clock import ManualClock
from headwater.streaming.port import Broker
from headwater.testing.running import asynchronous


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


def everything(cli: Cli, topic: str) -> list[object]:
    return values(cli.lines("stream", "tail", topic, "--from-start", "--no-follow"))


def test_publishing_and_looking(cli: Cli) -> None:
    cli("stream", "create", "clicks", "--partitions", "2", "--max-age", "1h30m")
    assert cli.json("stream", "topics") == [
        {"topic": "clicks", "partitions": 2, "records": 0, "max_age": 5400.0, "max_bytes": None, "replicas": 1}
    ]
    published = cli.json(
        "stream", "publish", "clicks", "--key", "k", "--header", "ce-type=a.b", stdin='{"n": 1}\n\n7\n'
    )
    assert published == [{"topic": "clicks", "published": 2, "repeated": 0}]
    found = cli.lines("stream", "tail", "clicks", "--from-start", "--no-follow")
    assert values(found) == [{"n": 1}, 7]
    assert {each["key"] for each in found} == {"k"}
    assert found[0]["headers"] == {"ce-type": "a.b"}
    assert "a.b" in cli("stream", "tail", "clicks", "--from-start", "--count", "1").stdout


def test_what_tail_prints_publish_reads(cli: Cli, tmp_path: Path) -> None:
    cli("stream", "create", "a", "--partitions", "1")
    cli("stream", "create", "b", "--partitions", "1")
    lines = ['{"value": [1, "é"], "key": "k", "id": "1", "headers": {"x": "y"}}', '{"value_base64": "/wA=", "key": ""}']
    cli("stream", "publish", "a", "--json-lines", stdin="\n".join(lines))
    printed = cli("stream", "tail", "a", "--from-start", "--no-follow", "--json").stdout
    file = tmp_path / "records.jsonl"
    file.write_text(printed)
    cli("stream", "publish", "b", str(file), "--json-lines")
    first, second = (cli.lines("stream", "tail", name, "--from-start", "--no-follow") for name in "ab")
    assert values(first) == values(second) == [[1, "é"], "/wA="]
    assert [each["key"] for each in second] == ["k", ""]


def test_a_bad_line_ends_it(cli: Cli) -> None:
    cli("stream", "create", "a", "--partitions", "1")
    lines = '{"value": 1}\n\n{"value": 2}\n{"value": \n{"value": 3}\n'
    told, error = cli("stream", "publish", "a", "--json-lines", stdin=lines, code=1).stderr.splitlines()
    assert told == "records published: 2, up to line 3"
    assert error.startswith("error: line 4: ")
    assert everything(cli, "a") == [1, 2]


def test_lines_with_ids_count_once(cli: Cli) -> None:
    cli("stream", "create", "a")
    first = cli("stream", "publish", "a", "--id", "load", stdin="1\n\n2\n")
    assert "repeated" not in first.stdout
    again = cli.json("stream", "publish", "a", "--id", "load", stdin="1\n\n2\n3\n")
    assert again == [{"topic": "a", "published": 3, "repeated": 2}]
    found = cli.lines("stream", "tail", "a", "--from-start", "--no-follow")
    assert {each["id"]: each["value"] for each in found} == {"load-1": 1, "load-3": 2, "load-4": 3}
    assert len(found) == 3


def test_an_id_of_its_own_goes_before_that_of_its_line(cli: Cli) -> None:
    cli("stream", "create", "a", "--partitions", "1")
    cli("stream", "publish", "a", "--id", "l", "--json-lines", stdin='{"value": 1, "id": "mine"}\n{"value": 2}\n')
    assert [each["id"] for each in cli.lines("stream", "tail", "a", "--from-start", "--no-follow")] == ["mine", "l-2"]


@asynchronous(seconds=60)
async def test_lines_of_a_pipe_are_published_as_they_come_until_ctrl_c(cli: Cli) -> None:
    await cli.aside("stream", "create", "a", "--partitions", "1")
    async with await open_broker(cli.broker) as broker:
        with cli.running("stream", "publish", "a") as process:
            for line in range(1, 4):  # the pipe stays open meanwhile
                tell(process, str(line))
                await until(lambda line=line: _holds(broker, line))
            process.send_signal(signal.SIGINT)
            assert ended(process) == (130, "records published: 3, up to line 3\n")
        assert await broker.ends("a") == {0: (0, 3)}


@asynchronous(seconds=60)
async def test_what_has_begun_is_confirmed_before_ctrl_c_ends_it(cli: Cli, tmp_path: Path) -> None:
    await cli.aside("stream", "create", "a", "--partitions", "1")
    async with await open_broker(cli.broker) as broker:
        with cli.running("stream", "publish", "a") as process:
            tell(process, "1")
            await until(lambda: _holds(broker, 1))
            other = apsw.Connection(str(tmp_path / "topics.db"))
            other.execute("BEGIN IMMEDIATE")  # nobody else can write
            tell(process, "2")
            await until(lambda: not _unread(process))
            process.send_signal(signal.SIGINT)
            other.execute("ROLLBACK")
            other.close()
            assert ended(process) == (130, "records published: 2, up to line 2\n")
        assert await broker.ends("a") == {0: (0, 2)}


def _unread(process: Running) -> int:
    """How many bytes it has been given and has not read yet."""
    assert process.stdin
    return int.from_bytes(fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)), sys.byteorder)


async def _holds(broker: Broker, records: int) -> bool:
    return (await broker.ends("a"))[0][1] == records


def test_what_is_not_there(cli: Cli, tmp_path: Path) -> None:
    assert "no such file" in cli("stream", "topics", code=1).stderr.lower()
    cli("stream", "create", "a")
    assert "unknown topic 'b'; known: a" in cli("stream", "tail", "b", code=2).stderr
    assert "unknown topic 'b'" in cli("stream", "publish", "b", stdin="1", code=2).stderr
    assert "unknown" in cli("stream", "pause", "a", "nobody", code=2).stderr
    assert "partitions" in cli("stream", "create", "a", "--partitions", "7", code=1).stderr
    assert "NAME=TEXT" in cli("stream", "publish", "a", "--header", "x", stdin="1", code=2).stderr
    assert "is no duration" in cli("stream", "create", "a", "--max-age", "7", code=2).stderr
    missing = tmp_path / "missing"
    said = cli("stream", "publish", "a", str(missing), code=1).stderr
    assert said == f"error: cannot read {missing}: No such file or directory\n"
    assert "it is a folder" in cli("stream", "publish", "a", str(tmp_path), code=1).stderr


@asynchronous(seconds=60)
async def test_groups_and_pausing(cli: Cli) -> None:
    async with Runtime.open(app_of(counting()), cli.store, broker=cli.broker) as runtime:
        await click(runtime, "home", "shop")
        await runtime.idle()
        (group,) = json.loads((await cli.aside("stream", "groups", "clicks", "--json")).stdout)
        assert (group["group"], group["behind"], group["members"], group["paused"]) == ("hits", 0, 1, False)
        await cli.aside("stream", "pause", "clicks", "hits")
        await click(runtime, "home", start=2)
        rows = json.loads((await cli.aside("stream", "lag", "clicks", "hits", "--json")).stdout)
        assert sum(row["behind"] for row in rows) == 1
        assert await hits(runtime) == {"home": "0", "shop": "1"}
        await cli.aside("stream", "resume", "clicks", "hits")
        await runtime.idle()
        assert await hits(runtime) == {"home": "0,2", "shop": "1"}


@asynchronous(seconds=60)
async def test_lag_is_watched_until_ctrl_c(cli: Cli) -> None:
    await cli.aside("stream", "create", "a", "--partitions", "1")
    async with await open_broker(cli.broker) as broker:
        await (await broker.join("a", "g")).leave()
        with cli.running("stream", "lag", "a", "g", "--watch", "--json") as process:
            assert process.stdout
            (row,) = json.loads(process.stdout.readline())
            assert (row["behind"], row["per_second"]) == (0, None)
            await cli.aside("stream", "publish", "a", stdin="1\n2\n")
            while not row["behind"]:
                (row,) = json.loads(process.stdout.readline())
            assert row["behind"] == 2
            assert row["per_second"] > 0
            process.send_signal(signal.SIGINT)
            assert ended(process) == (0, "")


@asynchronous
async def test_the_trend_is_in_records_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    clock, looks = ManualClock(), [100, 60, 75]

    async def look() -> list[dict[str, object]]:
        if not looks:
            raise asyncio.CancelledError
        return [{"topic": "a", "group": "g", "partition": 0, "behind": looks.pop(0)}]

    watching = asyncio.ensure_future(watch(look, clock, json=True))
    await until(watching.done, clock)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    grown = [row["per_second"] for (row,) in printed]
    assert grown == [None, pytest.approx(-40, rel=0.1), pytest.approx(15, rel=0.1)]

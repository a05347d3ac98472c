"""kill -9 at any moment: what was acknowledged is there, once, in order, and nothing is half-written."""

import random
import time
from itertools import groupby
from pathlib import Path

import apsw
from store_processes import Worker, worker

from headwater.adapters.sqlite.store import SqliteStore
from headwater.messages import Envelope
from headwater.testing.conformance.harness import everything
from headwater.testing.running import run

ROUNDS = 20
Acknowledged = dict[str, tuple[int, int]]


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path, seed = str(tmp_path / "store.db"), random.randrange(1 << 32)
    chance = random.Random(seed)
    acknowledged: Acknowledged = {}
    start = time.monotonic()
    for round in range(ROUNDS):
        with worker("append_forever", path, f"r{round}") as other:
            acknowledged |= _until_killed(other, chance.uniform(0, 0.25))
        if round % 10 == 9:
            _check_file(path)
    events = run(_check(path, acknowledged), seconds=60)
    seconds = time.monotonic() - start
    print(f"seed {seed}: {len(acknowledged)} acknowledged appends, {events} events, {seconds:.1f} s")
    assert len(acknowledged) > ROUNDS, f"seed {seed}"


def _until_killed(process: Worker, seconds: float) -> Acknowledged:
    """What it acknowledges until it is killed, so long after its first word."""
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    lines = [first, *process.stdout.read().splitlines(keepends=True)]
    words = [line.split() for line in lines if line.endswith("\n")]
    return {id: (int(first), int(last)) for id, first, last in words}


def _check_file(path: str) -> None:
    connection = apsw.Connection(path)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


async def _check(path: str, acknowledged: Acknowledged) -> int:
    _check_file(path)
    async with await SqliteStore.open(path) as store:
        events = await everything(store, limit=20_000)
        recorded: Acknowledged = {}
        for (round, number), group in groupby(events, _append_of):
            positions = _check_whole(number, list(group))
            assert f"{round}-{number}" not in recorded, "recorded twice"
            recorded[f"{round}-{number}"] = positions
        assert acknowledged.items() <= recorded.items()
        assert [event.position for event in events] == list(range(1, len(events) + 1))
        for id in list(recorded)[::50]:
            done = await store.find_append(id)
            assert done
            assert (done.first, done.last) == recorded[id]
    _check_versions(events)
    return len(events)


def _append_of(event: Envelope) -> tuple[str, int]:
    """Which append an event came with."""
    return event.stream.split("-")[0], int(event.data.split(b":")[1].split(b",")[0])


def _check_whole(number: int, events: list[Envelope]) -> tuple[int, int]:
    """All events of an append are there, side by side."""
    streams = [event.stream.split("-", 1)[1] for event in events]
    assert streams == [f"{number % 10}"] * 2 + ([f"twin-{number % 7}"] if number % 3 == 0 else [])
    return events[0].position, events[-1].position


def _check_versions(events: list[Envelope]) -> None:
    versions: dict[str, int] = {}
    for event in events:
        versions[event.stream] = versions.get(event.stream, 0) + 1
        assert event.stream_version == versions[event.stream]

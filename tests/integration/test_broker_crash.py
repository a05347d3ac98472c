"""kill -9 of those who publish and those who consume: what was confirmed is there, once, in order, and somebody else
goes on with it."""

import random
import time
from pathlib import Path
from typing import NamedTuple

import apsw
from broker_processes import worker
from broker_worker import KEYS, records
from store_processes import Worker, next_line

from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.fold import Topic
from headwater.testing.running import run
from headwater.testing.streaming.harness import by_key, everything, standing, until

ROUNDS = 8
MANY = 3_000


def test_what_was_confirmed_survives_kill_9(tmp_path: Path) -> None:
    path, seed = str(tmp_path / "broker.db"), random.randrange(1 << 32)
    chance = random.Random(seed)
    confirmed: dict[str, int] = {}
    for round in range(ROUNDS):
        with worker("publish_forever", path, f"r{round}") as other:
            confirmed[f"r{round}"] = _until_killed(other, chance.uniform(0, 0.25))
        if round % 10 == 9:
            _check_file(path)
    there = run(_check(path, confirmed), seconds=60)
    print(f"seed {seed}: {sum(confirmed.values())} confirmed, {there} there")
    assert sum(confirmed.values()) > ROUNDS * 40, f"seed {seed}"


def _until_killed(process: Worker, seconds: float) -> int:
    """How many records are confirmed when it is killed, so long after its first word."""
    assert process.stdout
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    lines = [first, *process.stdout.read().splitlines(keepends=True)]
    return int([line for line in lines if line.endswith("\n")][-1]) + 1


def _check_file(path: str) -> None:
    connection = apsw.Connection(path)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


async def _check(path: str, confirmed: dict[str, int]) -> int:
    """All that is confirmed is there, once; each publish as a whole; each key in order. How many records are there."""
    _check_file(path)
    async with await SqliteBroker.open(path) as broker:
        found = await everything(broker, "t")
        for first, next in (await broker.ends("t")).values():
            assert first == 0
            assert next > 0
        again = await broker.publish("t", records("r0", range(confirmed["r0"])))
        assert all(place.repeated for place in again[-100:]), "the ids are there too"
    assert len({record.id for record in found}) == len(found)
    of_key = by_key(found)
    for name, count in confirmed.items():
        there = sorted(n for k in range(KEYS) for n in of_key.get(f"{name}-{k}", []))
        assert there == list(range(len(there)))
        assert len(there) >= count
        assert len(there) % 10 == 0
    assert all(numbers == sorted(numbers) for numbers in of_key.values())
    return len(found)


# -- consuming


class Got(NamedTuple):
    partition: int
    offset: int
    key: str
    number: int


def _got(line: str) -> Got:
    _, partition, offset, key, number = line.split()
    return Got(int(partition), int(offset), key, int(number))


async def _fill(path: str, many: int = MANY) -> None:
    async with await SqliteBroker.open(path) as broker:
        await broker.create_topic(Topic("t", partitions=3))
        for start in range(0, many, MANY):
            await broker.publish("t", records("p", range(start, start + MANY)))


def test_whoever_comes_next_goes_on_where_the_killed_one_was(tmp_path: Path) -> None:
    path, seed = str(tmp_path / "broker.db"), random.randrange(1 << 32)
    chance = random.Random(seed)
    run(_fill(path))
    seen: set[Got] = set()
    ends = dict.fromkeys(range(3), 0)  # the next of each partition that was not seen yet
    committed = dict.fromkeys(range(3), 0)
    for _ in range(5):
        with worker("consume_forever", path) as other:
            got = _consume(other, chance.randrange(1, 300))
        for partition, lines in got.items():
            pages = [line for line in lines if line]
            offsets = [line.offset for line in pages]
            if offsets:
                assert offsets == list(range(offsets[0], offsets[0] + len(offsets))), f"seed {seed}: one after another"
                assert committed[partition] <= offsets[0] <= ends[partition], f"seed {seed}"
                ends[partition] = max(ends[partition], offsets[-1] + 1)
            seen.update(pages)
            committed[partition] = max(committed[partition], _last_committed(lines))
    assert sum(ends.values()) == len(seen) > 5


def _consume(process: Worker, lines: int) -> dict[int, list[Got | None]]:
    """What it takes until it is killed, after so many lines; by partition, None where it has committed."""
    found: dict[int, list[Got | None]] = {partition: [] for partition in range(3)}
    for line in _said_until_killed(process, lines):
        if line == "committed":
            for each in found.values():
                each.append(None)
        else:
            found[_got(line).partition].append(_got(line))
    return found


def _said_until_killed(process: Worker, lines: int) -> list[str]:
    """All that it says until it is killed, after so many lines; nothing half-said."""
    said = [next_line(process) for _ in range(lines)]
    process.kill()
    assert process.stdout
    rest = process.stdout.read().splitlines(keepends=True)
    return said + [line.strip() for line in rest if line.endswith("\n")]


def _last_committed(lines: list[Got | None]) -> int:
    """The next offset after those that were taken before the last commit."""
    last = max((index for index, line in enumerate(lines) if line is None), default=0)
    return max((line.offset + 1 for line in lines[:last] if line), default=0)


def test_another_takes_over_what_the_killed_one_had(tmp_path: Path) -> None:
    path, many = str(tmp_path / "broker.db"), 10 * MANY  # more than a pipe holds: neither is done unread
    run(_fill(path, many), seconds=60)
    with worker("consume_forever", path) as one, worker("consume_forever", path) as other:
        seen = {_got(line).number for line in _said_until_killed(one, 50) if line != "committed"}
        while len(seen) < many:
            line = next_line(other)
            if line != "committed":
                seen.add(_got(line).number)
        run(_all_done(path), seconds=60)


async def _all_done(path: str) -> None:
    async with await SqliteBroker.open(path) as broker:

        async def done() -> bool:
            return (await standing(broker, "t", "workers")).records == 0

        await until(done, "the group has worked off everything")

"""What can go wrong with a broker's file, for real: each a typed error, nothing half-written, usable afterwards."""

import asyncio
import random
import shutil
import time
from pathlib import Path

import apsw
import pytest
from broker_processes import worker
from store_processes import next_line, report
from store_processes import worker as store_worker

from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import HeadwaterError, StoreCorrupt, StoreLocked, StoreNotFound, StoreTooNew
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.testing.running import asynchronous, run
from headwater.testing.streaming.harness import DEADLINE, everything, fetch, number, numbered, share_out


async def fill(path: str, count: int = 200) -> None:
    async with await SqliteBroker.open(path) as broker:
        await broker.create_topic(Topic("t", partitions=2))
        for n in range(0, count, 10):
            await broker.publish("t", numbered(10, start=n, keys=9, ids=True))


# -- locked


@asynchronous
async def test_a_lock_held_too_long_is_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "broker.db")
    await fill(path, 10)
    async with await SqliteBroker.open(path, lock_timeout=0.2) as broker:
        with store_worker("hold_lock", path) as other:
            assert next_line(other) == "held"
            start = time.monotonic()
            tries = [broker.publish("t", numbered(1)) for _ in range(30)]
            errors = await asyncio.gather(*tries, return_exceptions=True)
            assert {type(error) for error in errors} == {StoreLocked}
            assert 0.19 < time.monotonic() - start < 3, "they wait together, not one after the other"
            assert path in str(errors[0])
            assert len(await everything(broker, "t")) == 10, "reading goes on"
            report(other)
        await broker.publish("t", numbered(1))
        assert len(await everything(broker, "t")) == 11


@asynchronous(seconds=60)
async def test_a_member_that_cannot_beat_gives_up_what_it_has_and_gets_it_again(tmp_path: Path) -> None:
    path = str(tmp_path / "broker.db")
    await fill(path, 10)
    async with await SqliteBroker.open(path, lock_timeout=0.2) as broker:
        member = await broker.join("t", "workers", session=0.5, drain=0.5)
        await share_out(2, member)
        before = {partition: each.generation for partition, each in member.assigned.items()}
        with store_worker("hold_lock", path) as other:
            next_line(other)
            give_up = asyncio.get_running_loop().time() + DEADLINE
            while member.assigned and asyncio.get_running_loop().time() < give_up:
                await member.fetch(10, timeout=0.1)
            assert dict(member.assigned) == {}, "others may have it by now"
            report(other)
        found = await fetch(member, 10)
        assert sorted(map(number, found)) == list(range(10))
        assert all(each.generation > before[partition] for partition, each in member.assigned.items())


# -- not ours to write


@pytest.mark.parametrize(("folder", "answer"), [(0o755, "read"), (0o555, "refused to open")])
def test_a_broker_that_may_not_be_written(tmp_path: Path, folder: int, answer: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    run(fill(str(place / "broker.db")))
    (place / "broker.db").chmod(0o444)
    place.chmod(folder)
    try:
        with worker("be_read_only", place / "broker.db") as other:
            said = report(other)
    finally:
        place.chmod(0o755)
    assert said[0].startswith(answer), said
    assert "right to write" in "".join(said)
    if answer == "read":
        assert [line.split()[0] for line in said] == ["read", "refused", "refused", "refused", "read"]


def test_a_full_disk(tmp_path: Path) -> None:
    with worker("run_full", tmp_path / "broker.db", 8_000_000) as other:
        done, one, two, errors = report(other)[-1].split(maxsplit=3)
    assert done == one == two, "both of a publish, or neither"
    assert errors in ("['StoreError']", "['StoreFull']")


# -- not a broker


@asynchronous
async def test_no_broker_where_none_is_to_be_made(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    for path, create in ((tmp_path / "none.db", False), (empty, False), (tmp_path / "none" / "x.db", True)):
        with pytest.raises(StoreNotFound) as caught:
            await SqliteBroker.open(str(path), create=create)
        assert str(path) in str(caught.value)
    assert not (tmp_path / "none.db").exists()
    async with await SqliteBroker.open(str(empty)) as broker:
        assert await broker.topics() == []


@asynchronous
async def test_stores_and_brokers_are_told_apart(tmp_path: Path) -> None:
    store, broker = str(tmp_path / "store.db"), str(tmp_path / "broker.db")
    await (await SqliteStore.open(store)).close()
    await fill(broker)
    with pytest.raises(StoreCorrupt, match="not a Headwater broker"):
        await SqliteBroker.open(store)
    with pytest.raises(StoreCorrupt, match="not a Headwater store"):
        await SqliteStore.open(broker)


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000, b"x"])
@asynchronous
async def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broker.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt):
        await SqliteBroker.open(str(path))
    assert path.read_bytes() == content, "it is left as it was"


@asynchronous
async def test_a_broker_of_a_newer_version(tmp_path: Path) -> None:
    path = str(tmp_path / "broker.db")
    await fill(path)
    other = apsw.Connection(path)
    other.execute("PRAGMA user_version=99").fetchall()
    other.close()
    with pytest.raises(StoreTooNew, match="99"):
        await SqliteBroker.open(path)


def test_many_open_and_use_a_new_one_at_once(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    with worker("publish_when_told", path, "a") as one, worker("publish_when_told", path, "b") as other:
        assert [next_line(one), next_line(other)] == ["ready", "ready"]
        for start in range(0, 50, 10):
            for each in (one, other):
                assert each.stdin
                each.stdin.write(f"{start}\n")
                each.stdin.flush()
            assert [next_line(one), next_line(other)] == ["done", "done"]
    assert run(_count(str(path))) == 100


async def _count(path: str) -> int:
    async with await SqliteBroker.open(path) as broker:
        return len(await everything(broker, "t"))


# -- damaged


async def use(path: str) -> int:
    """Read all there is, publish, and be a member; how often a typed error came in between."""
    errors = 0
    try:
        async with await SqliteBroker.open(path) as broker:
            errors += await _try(broker.topics()) + await _try(broker.ends("t")) + await _try(everything(broker, "t"))
            for n in range(5):
                errors += await _try(broker.publish("t", [*numbered(3, keys=3, ids=True), NewRecord(b"%d" % n)]))
            errors += await _try(_work(broker)) + await _try(broker.groups("t"))
    except HeadwaterError:
        errors += 1
    return errors


async def _work(broker: SqliteBroker) -> None:
    member = await broker.join("t", "workers")
    for _ in range(5):
        await member.fetch(100, timeout=0)
    await member.leave()


async def _try(call: object) -> int:
    try:
        await asyncio.wait_for(call, 10)  # type: ignore[arg-type]
    except HeadwaterError:
        return 1
    return 0


def test_damage_anywhere_is_a_typed_error(tmp_path: Path) -> None:
    path, seed = tmp_path / "broker.db", random.randrange(1 << 32)
    chance = random.Random(seed)
    run(fill(str(path)))
    found = 0
    for _ in range(40):
        damaged = tmp_path / "damaged.db"
        shutil.copy(path, damaged)
        _damage(damaged, chance)
        try:
            found += run(use(str(damaged))) > 0
        except BaseException as error:
            raise AssertionError(f"seed {seed}") from error
        for file in tmp_path.glob("damaged.db*"):
            file.unlink()
    assert found, f"seed {seed}"


def _damage(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = chance.randrange(100, len(content) - 100)
    for at in range(start, min(start + chance.choice((1, 20, 400)), len(content))):
        content[at] = chance.randrange(256)
    path.write_bytes(content)

"""What can go wrong with a store's file, for real: each a typed error, nothing half-written, usable afterwards."""

import asyncio
import random
import shutil
import time
from pathlib import Path

import apsw
import pytest
from store_processes import next_line, report, worker

from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import (
    HeadwaterError,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreNotFound,
    StoreTooNew,
)
from headwater.messages import NewEvent, Query, Write, query
from headwater.testing.running import asynchronous, run


def event(number: int = 0, size: int = 0) -> NewEvent:
    return NewEvent("happened", b'{"n":%d,"pad":"%*s"}' % (number, size, b""), tags=(f"tag-{number % 5}",))


async def fill(path: str, count: int = 200) -> None:
    async with await SqliteStore.open(path) as store:
        for n in range(count):
            await store.append(Write(f"s-{n % 10}", [event(n, 200)]))


# -- locked


@asynchronous
async def test_a_lock_held_too_long_is_an_error(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    async with await SqliteStore.open(path, lock_timeout=0.2) as store:
        await store.append(Write("s", [event()]))
        with worker("hold_lock", path) as other:
            assert next_line(other) == "held"
            start = time.monotonic()
            tries = [store.append(Write(f"s-{n}", [event()])) for n in range(30)]
            errors = await asyncio.gather(*tries, return_exceptions=True)
            assert {type(error) for error in errors} == {StoreLocked}
            assert 0.19 < time.monotonic() - start < 3, "they wait together, not one after the other"
            assert path in str(errors[0])
            assert len((await store.read()).events) == 1, "reading goes on"
            async with await SqliteStore.open(path) as reader:
                assert await reader.head() == 1
            report(other)
        done = await store.append(Write("s", [event()], expected=1))
        assert await store.head() == done.last == 2


@asynchronous
async def test_a_lock_that_is_let_go_only_delays(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    async with await SqliteStore.open(path, lock_timeout=20) as store:
        await store.append(Write("s", [event()]))
        with worker("hold_lock", path) as other:
            next_line(other)
            waiting = asyncio.gather(*(store.append(Write("s", [event()])) for _ in range(5)))
            for _ in range(20):  # the loop and readers go on meanwhile
                await asyncio.sleep(0.002)
                assert await store.head() == 1
            assert not waiting.done()
            report(other)
        assert sorted(done.versions[0] for done in await waiting) == [2, 3, 4, 5, 6]


# -- not ours to write


@pytest.mark.parametrize(("folder", "answer"), [(0o755, "read 200"), (0o555, "refused to open")])
def test_a_store_that_may_not_be_written(tmp_path: Path, folder: int, answer: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    run(fill(str(place / "store.db")))
    (place / "store.db").chmod(0o444)
    place.chmod(folder)
    try:
        with worker("be_read_only", place / "store.db") as other:
            said = report(other)
    finally:
        place.chmod(0o755)
    assert said[0].startswith(answer), said
    assert "right to write" in "".join(said)
    if answer == "read 200":
        assert [line.split()[0] for line in said] == ["read", "refused", "refused", "refused", "read"]
        assert said[-1] == "read 200"


# -- not a store


@asynchronous
async def test_no_store_where_none_is_to_be_made(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    for path, create in ((tmp_path / "none.db", False), (empty, False), (tmp_path / "none" / "x.db", True)):
        with pytest.raises(StoreNotFound) as caught:
            await SqliteStore.open(str(path), create=create)
        assert str(path) in str(caught.value)
    assert not (tmp_path / "none.db").exists()
    async with await SqliteStore.open(str(empty)) as store:
        assert await store.head() == 0


@pytest.mark.parametrize(
    "content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000, b"x", b"a note\n" * 20, b"\x00" * 8192]
)
@asynchronous
async def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt) as caught:
        await SqliteStore.open(str(path))
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content, "it is left as it was"


@asynchronous
async def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        await SqliteStore.open(str(tmp_path))


@pytest.mark.parametrize("mark", [0, 0x12345678])
@asynchronous
async def test_somebody_elses_database(tmp_path: Path, mark: int) -> None:
    path = tmp_path / "store.db"
    other = apsw.Connection(str(path))
    other.execute(f"CREATE TABLE event (theirs); PRAGMA application_id={mark}").fetchall()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="not a Headwater store"):
        await SqliteStore.open(str(path))
    assert path.read_bytes() == before


@asynchronous
async def test_a_store_of_a_newer_version(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    await fill(path)
    other = apsw.Connection(path)
    other.execute("PRAGMA user_version=99").fetchall()
    other.close()
    with pytest.raises(StoreTooNew, match="99"):
        await SqliteStore.open(path)


# -- damaged


async def use(path: str) -> int:
    """Read all there is in every way and append something; how often a typed error came in between."""
    errors = 0
    wanted = Query(), query("happened"), query(tags=["tag-3"])

    try:
        async with await SqliteStore.open(path) as store:
            for one in wanted:
                errors += await _try(store.read(one)) + await _try(store.scan(one))
            for n in range(10):
                errors += await _try(store.read_stream(f"s-{n}")) + await _try(store.load(f"s-{n}"))
                errors += await _try(store.append(Write(f"s-{n}", [event(n)]), id=f"again-{n}"))

    except HeadwaterError:
        errors += 1
    return errors


async def _try(call: object) -> int:
    try:
        await asyncio.wait_for(call, 10)  # type: ignore[arg-type]
    except HeadwaterError:
        return 1
    return 0


def test_damage_anywhere_is_a_typed_error(tmp_path: Path) -> None:
    path, seed = tmp_path / "store.db", random.randrange(1 << 32)
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
    print(f"seed {seed}: noticed {found} of 40")
    assert found > 5


def _damage(path: Path, chance: random.Random) -> None:
    """Change one byte in the middle, or many of them, or a whole page, or cut the end off."""
    content = bytearray(path.read_bytes())
    place = chance.randrange(100, len(content))
    match chance.randrange(4):
        case 0:
            content[place] ^= 1 << chance.randrange(8)
        case 1:
            for _ in range(200):
                content[chance.randrange(100, len(content))] = chance.randrange(256)
        case 2:
            start = place // 4096 * 4096 or 4096
            content[start : start + 4096] = chance.randbytes(4096)
        case _:
            del content[place:]
    path.write_bytes(content)


# -- full


@asynchronous
async def test_a_full_disk_keeps_nothing_of_an_append(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    async with await SqliteStore.open(path) as store:
        await store.append(Write("a", [event()]))
        pages = store.connection.execute("PRAGMA page_count").get
        store.connection.execute(f"PRAGMA max_page_count={pages + 3}").fetchall()
        large = Write("a", [event(1)]), Write("b", [event(2, 50_000)])
        for _ in range(3):
            with pytest.raises(StoreFull, match="free disk space"):
                await store.append(*large, id="large")
            assert await store.head() == 1
        errors = await asyncio.gather(*(store.append(*large) for _ in range(10)), return_exceptions=True)
        assert {type(error) for error in errors} == {StoreFull}
        await store.append(Write("a", [event()], expected=1))
        store.connection.execute("PRAGMA max_page_count=1000000").fetchall()
        done = await store.append(*large, id="large")
        assert (done.versions, done.repeated) == ((3, 1), False)
        assert await store.head() == done.last == 4
        assert store.connection.execute("PRAGMA integrity_check").get == "ok"


@pytest.mark.parametrize("megabytes", [1, 30, 90])
def test_a_file_that_may_not_grow(tmp_path: Path, megabytes: int) -> None:
    """Writes fail in the log, while it is given its size, or when it is copied back: the writer lives on."""
    with worker("run_full", tmp_path / "store.db", megabytes * 1_000_000) as other:
        said = report(other)
    done, a, b, errors = said[0].split(maxsplit=3)
    assert done == a == b
    assert "Store" in errors

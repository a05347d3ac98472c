"""`headwater store archive`, killed at any moment: nothing is lost, and running it again finishes."""

import subprocess
import sys
from pathlib import Path

import pytest

from headwater import open_store
from headwater.adapters.archive.store import ArchiveStore
from headwater.cli.program import run as run_command
from headwater.errors import StoreCorrupt, StoreNotFound
from headwater.messages import Envelope, NewEvent, Write
from headwater.testing.running import run

KILLED = Path(__file__).with_name("killed.py")
FORMAT = "headwater.store.archive:"
POINTS = [
    (f"{FORMAT}Writing.add", 2, "after"),
    (f"{FORMAT}_sync", 1, "before"),
    (f"{FORMAT}_sync", 1, "after"),
    (f"{FORMAT}_sync", 2, "after"),
    (f"{FORMAT}_sync_folder", 1, "before"),
    ("headwater.adapters.archive.parquet:pack", 1, "before"),
    ("headwater.adapters.archive.parquet:pack", 1, "after"),
    ("headwater.adapters.archive.parquet:unpack", 1, "after"),
    (f"{FORMAT}_sync_folder", 1, "after"),
    (f"{FORMAT}_sync_folder", 2, "before"),
    ("headwater.cli.archiving:_compare", 1, "before"),
    ("headwater.cli.archiving:_check_lag", 1, "after"),
    ("headwater.store.removal:recorded", 1, "after"),
    ("STORE.remove", 1, "after"),
]
STORES = {
    "sqlite": ("headwater.adapters.sqlite.store:SqliteStore", "headwater.adapters.sqlite.removing:Remover"),
    "postgresql": ("headwater.adapters.postgres.store:PostgresStore", "headwater.adapters.postgres.removing:Remover"),
}
POINTS_IN_TRANSACTION = [("REMOVER._record", 1, "after"), ("REMOVER.remove", 1, "before")]


async def fill(url: str) -> list[Envelope]:
    async with await open_store(url) as store:
        for start in range(0, 2_500, 100):
            events = [NewEvent("noted", b'{"n":%d}' % n, tags=("t",), time=5) for n in range(start, start + 100)]
            await store.append(Write(f"s-{start % 300}", events))
        return list((await store.read(limit=10_000)).events)


async def contents(url: str) -> list[Envelope]:
    async with await open_store(url, create=False) as store:
        return [event for event in (await store.read(limit=10_000)).events if event.type == "noted"]


async def archived(file: Path) -> list[Envelope]:
    """What is in the archive, if there is a whole one."""
    try:
        async with await ArchiveStore.open(file) as archive:
            return list((await archive.read(limit=10_000)).events)
    except (StoreNotFound, StoreCorrupt):
        return []


@pytest.mark.parametrize("point", POINTS + POINTS_IN_TRANSACTION, ids=lambda point: "-".join(map(str, point)))
def test_nothing_is_lost(point: tuple[str, int, str], kept_url: str, tmp_path: Path) -> None:
    place, number, when = point
    store, remover = STORES[kept_url.partition(":")[0]]
    place = place.replace("STORE", store).replace("REMOVER", remover)
    if place.endswith(":recorded"):  # as the adapter has imported it
        place = f"{remover.partition(':')[0]}:recorded"
    whole, file = run(fill(kept_url)), tmp_path / f"archive{'.parquet' if 'parquet' in place else ''}"
    command = ["store", "archive", "--store", kept_url, str(file), "--before", "2000-01-01", "--yes"]
    done = subprocess.run(
        [sys.executable, KILLED, place, str(number), when, *command], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr.decode()
    kept, there = run(contents(kept_url)), run(archived(file))
    assert kept in (whole, [])
    assert there in (whole, [])
    assert kept or there
    assert run_command(command) == 0
    assert (run(contents(kept_url)), run(archived(file))) == ([], whole)
    assert not list(tmp_path.glob("*.partial"))
    assert run_command(["store", "verify", "--store", kept_url]) == 0


@pytest.mark.parametrize("number", [1, 2, 3])
def test_putting_back_goes_on(number: int, kept_url: str, tmp_path: Path) -> None:
    whole, file = run(fill(kept_url)), tmp_path / "archive"
    archive = ["store", "archive", "--store", kept_url, str(file), "--before", "2000-01-01", "--yes"]
    assert run_command(archive) == 0
    restore = ["store", "restore", "--store", kept_url, str(file)]
    place = STORES[kept_url.partition(":")[0]][0] + ".put_back"
    small = "import headwater.cli.archiving as a, runpy; a.AT_ONCE = 900; runpy.run_path({!r}, run_name='__main__')"
    program = [sys.executable, "-c", small.format(str(KILLED)), place, str(number), "after", *restore]
    assert subprocess.run(program, capture_output=True, check=False).returncode == -9
    assert len(run(contents(kept_url))) == [900, 1_800, 2_500][number - 1]
    assert run_command(["store", "verify", "--store", kept_url]) == 0
    assert run_command(restore) == 0
    assert run(contents(kept_url)) == whole

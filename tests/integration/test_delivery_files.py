"""SQLite files from before delivery: they get its tables when they are opened, and lose nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from headwater import open_store
from headwater.adapters.sqlite import files, schema
from headwater.adapters.sqlite.delivery import SqliteDelivery
from headwater.adapters.sqlite.store import SqliteStore
from headwater.errors import StoreCorrupt, StoreTooNew
from headwater.messages import NewEvent, Write
from headwater.testing.running import asynchronous

MadeBefore = Callable[..., Path]


@pytest.fixture
def made_before(tmp_path: Path) -> MadeBefore:
    """Makes a file of the schema's first version, in which something has happened."""

    def make(*more: str) -> Path:
        path = tmp_path / "old.db"
        connection = apsw.Connection(str(path))
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        for sql in (schema.STEPS[0], *more):
            connection.execute(sql)
        connection.execute("INSERT INTO stream VALUES (1, 'old'); INSERT INTO kind VALUES (0, 'happened', 1)")
        connection.execute("INSERT INTO event VALUES (1, 1, 1, 0, 5, '{}', '')")
        connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}; PRAGMA user_version=1").fetchall()
        connection.close()
        return path

    return make


def version(path: Path) -> int:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found: int = connection.execute("PRAGMA user_version").get
    connection.close()
    return found


@asynchronous
async def test_a_file_of_the_first_version_gets_the_new_tables(made_before: MadeBefore) -> None:
    path = made_before()
    for number in range(2):
        async with await SqliteStore.open(str(path), create=False) as store:
            assert [event.type for event in await store.read_stream("old")] == ["happened"] * (number + 1)
            await store.append(Write("old", [NewEvent("happened", b"{}")]))
            assert (await SqliteDelivery(store).claim("mail", "orders", 0)).epoch == number + 1
            assert await store.check() == []
        assert version(path) == schema.SCHEMA_VERSION


@asynchronous
async def test_it_has_the_tables_of_one_that_was_made_now(made_before: MadeBefore, tmp_path: Path) -> None:
    shapes = []
    for path in (made_before(), tmp_path / "new.db"):
        async with await SqliteStore.open(str(path)) as store:
            sql = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
            shapes.append(store.connection.execute(sql).fetchall())
    assert shapes[0] == shapes[1]


@asynchronous
async def test_a_newer_file_is_left_alone(made_before: MadeBefore) -> None:
    path = made_before()
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA user_version={schema.SCHEMA_VERSION + 1}").fetchall()
    connection.close()
    with pytest.raises(StoreTooNew):
        await open_store(f"sqlite:///{path}")
    assert version(path) == schema.SCHEMA_VERSION + 1


@asynchronous
async def test_a_name_that_is_taken_leaves_the_file_as_it_was(made_before: MadeBefore) -> None:
    path = made_before("CREATE VIEW delivery_letter AS SELECT 1")
    with pytest.raises(StoreCorrupt, match="delivery_letter"):
        await open_store(f"sqlite:///{path}")
    connection = apsw.Connection(str(path))
    assert not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'delivery_inbox'").get
    connection.close()
    assert version(path) == 1


def test_of_several_who_open_it_at_once_one_brings_it_up_to_date(made_before: MadeBefore) -> None:
    path = str(made_before())

    def open(_number: int) -> int:
        connection = files.connect(path)
        files.prepare(connection, path, schema.STORE, create=False)
        count: int = connection.execute("SELECT count(*) FROM delivery_letter").get
        connection.close()
        return count

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(open, range(8))) == [0] * 8
    assert version(Path(path)) == schema.SCHEMA_VERSION

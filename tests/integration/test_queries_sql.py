"""Users' SQL reads, and can do nothing else."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from bank import Deposit, Open, balances, bank

from headwater import Runtime
from headwater.adapters.sqlite import readonly
from headwater.errors import BadInput
from headwater.testing.running import asynchronous


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/store.db"


async def fill(runtime: Runtime) -> None:
    for name, pence in (("ann", 5), ("bob", 7)):
        await runtime.execute(Open(name, name.title()))
        await runtime.execute(Deposit(name, pence))
    await runtime.idle()


@asynchronous
async def test_views_are_tables(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        await fill(runtime)
        assert await runtime.sql("SELECT * FROM balances WHERE owner = ?", ["Ann"]) == [
            {"account": "ann", "owner": "Ann", "pence": 5, "events": 2}
        ]
        assert await runtime.sql("SELECT sum(pence) AS total, count(*) FROM balances") == [{"total": 12, "count(*)": 2}]
        assert await runtime.sql("SELECT account FROM balances WHERE pence > :least", (6,)) == [{"account": "bob"}]
        assert await runtime.sql("SELECT 1 AS one WHERE false") == []
        together = "SELECT account, count(*) AS n FROM balances JOIN events ON data ->> 'account' = account GROUP BY 1"
        assert await runtime.sql(together) == [{"account": "ann", "n": 2}, {"account": "bob", "n": 2}]


GOOD = [
    "SELECT 1 AS one;",
    "-- how many\nSELECT 1 AS one",
    "SELECT 1 AS one; -- that is all",
    " ; SELECT 1 AS one ; ; ",
    "/* ; */ WITH t(one) AS (SELECT 1) SELECT * FROM t",
    "VALUES (1)",
]


@asynchronous
async def test_one_statement_is_told_from_several(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        for sql in GOOD:
            assert [list(row.values()) for row in await runtime.sql(sql)] == [[1]], sql
        for sql in ("SELECT 1; SELECT 2", "SELECT 1;;SELECT 2;", "SELECT 1; DELETE FROM event", "SELECT 1; SELEC"):
            with pytest.raises(BadInput, match="cannot be run"):
                await runtime.sql(sql)


WRITES = [
    "DELETE FROM event",
    "INSERT INTO stream VALUES (9, 'x')",
    "REPLACE INTO stream VALUES (1, 'x')",
    "UPDATE view_build SET position = 0",
    "WITH t AS (SELECT 1) DELETE FROM event",
    "DELETE FROM event RETURNING position",
    "SELECT 1; DELETE FROM event",
    "CREATE TABLE mine (x)",
    "CREATE TEMP TABLE mine (x)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE TRIGGER mine AFTER INSERT ON event BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE mine USING fts5(x)",
    "DROP TABLE event",
    "DROP VIEW balances",
    "ALTER TABLE event RENAME TO past",
    "ATTACH 'other.db' AS other",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'copy.db'",
    "REINDEX",
    "ANALYZE",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT mine",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 99",
    "PRAGMA writable_schema = on",
    "PRAGMA synchronous",
    "SELECT * FROM pragma_user_version",
    "SELECT load_extension('mine')",
]


@asynchronous
async def test_only_reading_is_allowed(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        await fill(runtime)
        before = await _all_there_is(runtime)
        for sql in WRITES:
            with pytest.raises(BadInput):
                await runtime.sql(sql)
        assert await _all_there_is(runtime) == before
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()


async def _all_there_is(runtime: Runtime) -> list[Any]:
    connection = runtime.store.connection
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
    tables = [(name, connection.execute(f"SELECT * FROM {name}").fetchall()) for name in names]
    return [*tables, [connection.execute(f"PRAGMA {name}").get for name in ("user_version", "journal_mode")]]


WRONG: list[tuple[str, tuple[Any, ...]]] = [
    ("", ()),
    ("   ", ()),
    (";", ()),
    ("-- nothing", ()),
    ("SELEC 1", ()),
    ("SELECT nothing FROM balances", ()),
    ("SELECT * FROM nowhere", ()),
    ("SELECT 'unfinished", ()),
    ("SELECT ?", ()),
    ("SELECT 1", (1,)),
    ("SELECT ?", (object(),)),
    ("SELECT ?", (2**64,)),
    ("SELECT 1\0", ()),
    ("SELECT abs(-9223372036854775808)", ()),
    ("SELECT 'x' ->> '$.y'", ()),
]


@asynchronous
async def test_sql_that_is_wrong_is_refused(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        for sql, parameters in WRONG:
            with pytest.raises(BadInput, match="query"):
                await runtime.sql(sql, parameters)
        assert await runtime.sql("SELECT 1 AS one") == [{"one": 1}]


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@asynchronous
async def test_a_query_that_takes_too_long_is_stopped(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readonly, "TIME_LIMIT", 0.1)
    async with Runtime.open(bank, url) as runtime:
        start = time.monotonic()
        with pytest.raises(BadInput, match=r"took over 0\.1 s"):
            await runtime.sql(ENDLESS)
        assert 0.1 <= time.monotonic() - start < 5
        assert await runtime.sql("SELECT 1 AS one") == [{"one": 1}]


@asynchronous
async def test_a_long_query_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readonly, "TIME_LIMIT", 2.0)
    async with Runtime.open(bank, f"sqlite:///{tmp_path}/store.db") as runtime:
        long = asyncio.create_task(runtime.sql(ENDLESS))
        await asyncio.sleep(0)
        for _ in range(10):
            done = await runtime.execute(Deposit("ann", 1))
            await runtime.get(balances, "ann", after=done.position)
        assert not long.done()
        with pytest.raises(BadInput, match="took over"):
            await long


@asynchronous
async def test_a_runtime_that_ends_lets_a_query_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readonly, "TIME_LIMIT", 0.2)
    async with Runtime.open(bank, f"sqlite:///{tmp_path}/store.db") as runtime:
        long = asyncio.create_task(runtime.sql(ENDLESS))
        await asyncio.sleep(0)
    with pytest.raises(BadInput, match="took over"):
        await long

"""Destroyed keys: their secrets are in no file of the key store, whoever looks on; else it is said."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import psycopg
import pytest

from headwater import open_store
from headwater.adapters.postgres.keys import PostgresKeys
from headwater.adapters.sqlite import erasing
from headwater.adapters.sqlite.keys import SqliteKeys
from headwater.app import open_keys
from headwater.errors import BadInput, StoreCorrupt, StoreLocked, StoreNotFound
from headwater.keys.port import SubjectKey
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

NewSchema = Callable[[PostgresServer], str]


def found(folder: Path, secret: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


async def two(keys: SqliteKeys | PostgresKeys) -> tuple[SubjectKey, SubjectKey]:
    made = {key.subject: key for key in await keys.provide(["ann", "bob", *(f"s{n}" for n in range(500))])}
    return made["ann"], made["bob"]


@asynchronous
async def test_a_reader_of_the_file_keeps_old_pages_until_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "PATIENCE", 0.05)
    path = tmp_path / "keys.db"
    async with await SqliteKeys.open(str(path)) as keys:
        ann, bob = await two(keys)
        reader = apsw.Connection(str(path))
        reader.execute("BEGIN; SELECT count(*) FROM key").fetchall()
        with pytest.raises(StoreLocked, match="may be left"):
            await keys.destroy("ann", "me")
        left = await keys.look_up("ann")
        assert left is not None
        assert left.destroyed
        reader.close()
        assert await keys.destroy("ann", "again") == left
        assert found(tmp_path, ann.secret) == []
        assert found(tmp_path, bob.secret)


@asynchronous(seconds=60)  # it waits for whole checkpoints
async def test_a_transaction_that_looks_on_keeps_nothing_in_tables(
    postgres: PostgresServer, new_schema: NewSchema
) -> None:
    base = postgres.folder / "base"
    url = new_schema(postgres)
    async with await PostgresKeys.open(url) as keys:
        ann, bob = await two(keys)
        with psycopg.connect(postgres.url()) as looking, psycopg.connect(postgres.url(), autocommit=True) as beside:
            looking.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            looking.execute("SELECT now()")
            beside.execute("CHECKPOINT")
            assert found(base, ann.secret), "it is where it is looked for"
            await keys.destroy("ann", "me")
            beside.execute("CHECKPOINT")
            assert found(base, ann.secret) == []
            assert found(base, bob.secret)


@asynchronous
async def test_addresses_of_keys(tmp_path: Path, postgres: PostgresServer, new_schema: NewSchema) -> None:
    for wrong in ("keys.db", "sqlite:///", "redis://there"):
        with pytest.raises(BadInput, match="keys"):
            await open_keys(wrong)
    for missing in (f"sqlite:///{tmp_path}/no.db", new_schema(postgres)):
        with pytest.raises(StoreNotFound):
            await open_keys(missing, create=False)
    taken = new_schema(postgres)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        schema = taken.rpartition("=")[2]
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"CREATE TABLE {schema}.key (a int)".encode())
    with pytest.raises(StoreCorrupt, match=r"choose another"):
        await open_keys(taken)


@asynchronous
async def test_keys_and_events_do_not_share_a_place(
    postgres: PostgresServer, new_schema: NewSchema, tmp_path: Path
) -> None:

    for place in (new_schema(postgres), f"sqlite:///{tmp_path}/store.db"):
        async with await open_store(place):
            pass
        with pytest.raises(StoreCorrupt):
            await open_keys(place)


def test_without_the_library_it_is_said_what_to_install() -> None:
    code = """
import sys
sys.modules["cryptography"] = None
from headwater import Runtime
from headwater.testing.running import run
sys.path.insert(0, sys.argv[1])
from people import app
from headwater.errors import MissingExtra
async def main():
    try:
        async with Runtime.open(app, keys="memory:"):
            pass
    except MissingExtra as error:
        print(error)
run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True, check=False
    )
    assert "headwater[personal]" in done.stdout, done.stderr

"""What goes wrong with a server: a typed error each, nothing half-written, and the store goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import psycopg
import pytest

from headwater import open_store
from headwater.adapters.postgres import migrations
from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import (
    AcknowledgementLost,
    BadInput,
    StoreCorrupt,
    StoreLocked,
    StoreNotFound,
    StoreOutdated,
    StoreTooNew,
    StoreUnavailable,
)
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

EVENT = NewEvent("happened", b"{}")


@pytest.fixture
def place(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(postgres)


def schema_of(place: str) -> str:
    return place.rpartition("=")[2]


def execute(place: str, sql: str) -> None:
    with psycopg.connect(place.partition("?")[0], autocommit=True) as connection:
        connection.execute(sql.encode())


@asynccontextmanager
async def held(place: str, lock: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Hold one of the store's locks in a transaction of somebody else's."""
    async with await psycopg.AsyncConnection.connect(place.partition("?")[0]) as connection:
        await connection.execute(f"SELECT {schema_of(place)}.lock({lock})".encode())
        yield connection
        await connection.rollback()


async def waiting(place: str) -> int:
    """The server's process that waits for a lock of the store, once there is one."""
    sql = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = %s"
    url, name = place.partition("?")[0], f"headwater {schema_of(place)}"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while (row := await (await connection.execute(sql, (name,))).fetchone()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return int(row[0])


# -- getting in


@asynchronous
async def test_no_server() -> None:
    with pytest.raises(StoreUnavailable, match="server runs"):
        await open_store("postgresql://nobody@127.0.0.1:1/nothing")


@asynchronous
async def test_no_database_and_no_store(postgres: PostgresServer, place: str) -> None:
    with pytest.raises(StoreNotFound):
        await open_store(postgres.url("nowhere"))
    with pytest.raises(StoreNotFound, match="no store in schema"):
        await open_store(place, create=False)


@pytest.mark.parametrize(
    "url", ["postgresql://h/d?schema=Big", "postgresql://h/d?schema=pg_x", "postgresql://h/d?what=1"]
)
@asynchronous
async def test_addresses_of_a_wrong_form(url: str) -> None:
    with pytest.raises(BadInput):
        await open_store(url)


# -- versions


@asynchronous
async def test_a_store_of_a_newer_version_is_refused(place: str) -> None:
    await (await open_store(place)).close()
    execute(place, f"INSERT INTO {schema_of(place)}.migration (version, name) VALUES (9999, 'to come')")
    with pytest.raises(StoreTooNew):
        await open_store(place)
    with pytest.raises(StoreTooNew):
        await PostgresStore.migrate(place)


@asynchronous
async def test_a_store_of_an_older_version_is_migrated_when_told(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = migrations.known()
    with monkeypatch.context() as before:
        before.setattr(migrations, "known", lambda: all_of_them[:2])
        await (await open_store(place)).close()
    with pytest.raises(StoreOutdated, match="headwater store migrate"):
        await open_store(place)
    assert await PostgresStore.migrate(place) == [each.name for each in all_of_them[2:]]
    assert await PostgresStore.migrate(place) == []
    await (await open_store(place)).close()


@asynchronous
async def test_a_migration_that_breaks_off_leaves_nothing(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *rest = migrations.known()
    broken = migrations.Migration(2, "broken", "CREATE TABLE headwater.half (a int); SELECT 1 / 0;")
    with monkeypatch.context() as then:
        then.setattr(migrations, "known", lambda: [first, broken])
        with pytest.raises(BadInput, match="division by zero"):
            await PostgresStore.migrate(place)
    assert await PostgresStore.migrate(place) == [each.name for each in rest]
    async with await open_store(place) as store:
        await store.append(Write("a", [EVENT]))
    with pytest.raises(psycopg.errors.UndefinedTable):
        execute(place, f"SELECT * FROM {schema_of(place)}.half")


@asynchronous
async def test_many_who_migrate_at_once_do_it_once(place: str) -> None:
    done = await asyncio.gather(*(PostgresStore.migrate(place) for _ in range(5)))
    assert sorted(name for names in done for name in names) == sorted(each.name for each in migrations.known())


@asynchronous
async def test_a_schema_that_holds_something_else(place: str) -> None:
    execute(place, f"CREATE SCHEMA {schema_of(place)}; CREATE TABLE {schema_of(place)}.event (id int)")
    with pytest.raises(StoreCorrupt, match="choose another"):
        await open_store(place)


# -- in the middle of an append


@asynchronous
async def test_a_connection_that_is_cut_is_made_again_where_an_id_makes_that_safe(place: str) -> None:
    async with await open_store(place) as store:
        async with held(place, "true, '{}'"):
            with_id = asyncio.create_task(store.append(Write("a", [EVENT]), id="once"))
            execute(place, f"SELECT pg_terminate_backend({await waiting(place)})")
            await waiting(place)  # it has come back
        assert (await with_id).versions == (1,)
        assert len(await store.read_stream("a")) == 1


@asynchronous
async def test_a_connection_that_is_cut_without_an_id_says_that_nobody_knows(place: str) -> None:
    async with await open_store(place) as store:
        async with held(place, "true, '{}'"):
            without = asyncio.create_task(store.append(Write("a", [EVENT])))
            execute(place, f"SELECT pg_terminate_backend({await waiting(place)})")
            with pytest.raises(AcknowledgementLost, match="repeat it with an id"):
                await without
        assert (await store.append(Write("b", [EVENT]))).versions == (1,)


@asynchronous
async def test_reading_outlives_all_its_connections(place: str) -> None:
    async with await open_store(place) as store:
        await store.append(Write("a", [EVENT]))
        name = f"headwater {schema_of(place)}"
        for _ in range(3):
            execute(place, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")
            assert len(await store.read_stream("a")) == 1


@asynchronous
async def test_a_statement_timeout(place: str) -> None:
    async with await open_store(f"{place}&options={quote('-c statement_timeout=100')}") as store:
        async with held(place, "true, '{}'"):
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                await store.append(Write("a", [EVENT]))
        assert (await store.append(Write("a", [EVENT]))).versions == (1,)


@asynchronous
async def test_a_lock_that_is_not_to_be_had(place: str) -> None:
    short = f"{place}&options={quote('-c lock_timeout=20')}"
    async with await PostgresStore.open(short, patience=0.2) as store:
        async with held(place, "true, '{}'"):
            with pytest.raises(StoreLocked):
                await store.append(Write("a", [EVENT]))
        assert (await store.append(Write("a", [EVENT]))).versions == (1,)


@asynchronous
async def test_more_locks_than_the_server_has_room_for(place: str) -> None:
    tags = tuple(f"tag:{n}" for n in range(5_000))
    async with await open_store(place) as store:
        done = await store.append(Write("a", [NewEvent("happened", b"{}", tags=tags)]))
        assert (await store.read()).events[0].tags == tags
        assert done.versions == (1,)


@asynchronous
async def test_what_the_server_cannot_hold_is_refused_alone(place: str) -> None:
    async with await open_store(place) as store:
        good = store.append(Write("a", [EVENT]))
        bad = store.append(Write("b", [EVENT]), id="x", fingerprint="\x00")
        done, refused = await asyncio.gather(good, bad, return_exceptions=True)
        assert not isinstance(done, BaseException)
        assert isinstance(refused, BadInput)
        assert await store.read_stream("b") == []

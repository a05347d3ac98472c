"""Appends that the server undoes, and servers that are gone for a while: tried again, and counted once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import psycopg
import pytest

from headwater.adapters.postgres.grouping import lock_key
from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import AcknowledgementLost, StoreLocked, StoreUnavailable
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

EVENT = NewEvent("happened", b"{}")
FOR_EVER = 1 << 40
UNDO = """
    CREATE SEQUENCE {schema}.tries;  -- drawing from it is not undone
    CREATE FUNCTION {schema}.undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('{schema}.tries') <= {times} THEN
            RAISE EXCEPTION 'undone' USING ERRCODE = '{code}';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER undo BEFORE INSERT ON {schema}.event FOR EACH ROW EXECUTE FUNCTION {schema}.undo();
"""


@pytest.fixture
def place(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(postgres)


@pytest.fixture(scope="module")
def small() -> Iterator[PostgresServer]:
    """A server of our own, to stop, with few connections."""
    with postgres_server(settings={"max_connections": "8"}) as server:
        yield server


@pytest.fixture
def small_place(small: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(small)


def schema_of(place: str) -> str:
    return place.rpartition("=")[2]


def value(place: str, sql: str) -> object:
    """What SQL returns; where {schema} is the store's."""
    with psycopg.connect(place.partition("?")[0], autocommit=True) as connection:
        cursor = connection.execute(sql.replace("{schema}", schema_of(place)).encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def undo(place: str, code: str, times: int) -> None:
    """Have the server undo the first appends to this store."""
    value(place, UNDO.replace("{code}", code).replace("{times}", str(times)))


async def waits(place: str) -> None:
    """Return when a session of the store waits for a lock."""
    sql = f"""SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND application_name = 'headwater {schema_of(place)}'"""
    while not value(place, sql):  # noqa: ASYNC110
        await asyncio.sleep(0.005)


@asynccontextmanager
async def holding(place: str, lock: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """Locks of the store in a transaction of somebody else's, who may be cut."""
    other = await psycopg.AsyncConnection.connect(place.partition("?")[0])
    try:
        await other.execute(f"SELECT {schema_of(place)}.lock({lock})".encode())
        yield other
    finally:
        await other.close()


# -- undone


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03", "53200"])
@asynchronous
async def test_appends_that_the_server_undoes_are_tried_again_and_counted_once(code: str, place: str) -> None:
    async with await PostgresStore.open(place) as store:
        await store.append(Write("a", [EVENT]))
        undo(place, code, times=4)
        assert (await store.append(Write("a", [EVENT]))).versions == (2,)  # undone four times
        value(place, "SELECT setval('{schema}.tries', 1)")
        together = (store.append(Write(name, [EVENT]), id=name) for name in "abc")  # undone three times
        assert [(done.versions, done.repeated) for done in await asyncio.gather(*together)] == [
            ((3,), False), ((1,), False), ((1,), False),
        ]  # fmt: skip
        assert value(place, "SELECT last_value FROM {schema}.tries") == 4 + 3
        assert [event.stream for event in (await store.read()).events] == ["a", "a", "a", "b", "c"]
        assert await store.check() == []


@asynchronous
async def test_what_is_undone_for_ever_is_given_up_and_leaves_nothing(place: str) -> None:
    async with await PostgresStore.open(place, patience=0.2) as store:
        undo(place, "40001", FOR_EVER)
        with pytest.raises(StoreLocked, match="undone"):
            await store.append(Write("a", [EVENT]), id="x")
        tries = value(place, "SELECT last_value FROM {schema}.tries")
        assert isinstance(tries, int)
        assert tries > 1
        value(place, "DROP TRIGGER undo ON {schema}.event")
        assert (await store.append(Write("a", [EVENT], expected=0), id="x")).repeated is False


@asynchronous
async def test_a_deadlock_is_undone_and_tried_again(place: str) -> None:
    first, second = (lock_key("s" + name) * 2 + 1 for name in sorted("ab", key=lambda name: lock_key("s" + name)))
    async with await PostgresStore.open(place) as store, holding(place, f"false, '{{{second}}}'") as other:
        both = asyncio.create_task(store.append(Write("a", [EVENT]), Write("b", [EVENT])))
        await waits(place)
        await other.execute("SET deadlock_timeout = '1h'")  # so that the store's is the one to be undone
        await other.execute(f"SELECT {schema_of(place)}.lock(false, '{{{first}}}')".encode())
        await other.rollback()
        assert (await both).versions == (1, 1)
        assert [event.stream for event in (await store.read()).events] == ["a", "b"]


# -- gone for a while


@asynchronous
async def test_a_server_that_restarts_in_mid_append(small: PostgresServer, small_place: str) -> None:
    async with await PostgresStore.open(small_place) as store:
        async with holding(small_place, "true, '{}'"):
            append = asyncio.create_task(store.append(Write("a", [EVENT]), id="once"))
            await waits(small_place)
            await asyncio.to_thread(small.stop)
        small.start()  # in this thread: it dies with the one that has started it
        assert (await append).versions == (1,)
        assert [event.stream for event in (await store.read()).events] == ["a"]
        assert await store.check() == []


@asynchronous
async def test_a_server_that_restarts_in_mid_append_without_an_id(small: PostgresServer, small_place: str) -> None:
    async with await PostgresStore.open(small_place) as store:
        async with holding(small_place, "true, '{}'"):
            append = asyncio.create_task(store.append(Write("a", [EVENT])))
            await waits(small_place)
            await asyncio.to_thread(small.stop)
            with pytest.raises(AcknowledgementLost):
                await append
        small.start()  # in this thread: it dies with the one that has started it
        assert (await store.append(Write("a", [EVENT]))).versions == (1,)


def refused(server: PostgresServer) -> int:
    """How often a server has said that it has no connection left."""
    return server.log().count("too many clients already")


@contextmanager
def all_taken(server: PostgresServer, place: str) -> Iterator[None]:
    """All of a server's connections, those of a store as well."""
    with ExitStack() as taken:
        first = taken.enter_context(psycopg.connect(server.url(), autocommit=True))
        take_all(server, taken)
        cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = %s"
        first.execute(cut, (f"headwater {schema_of(place)}",))
        take_all(server, taken)
        yield


def take_all(server: PostgresServer, taken: ExitStack) -> None:
    with pytest.raises(psycopg.OperationalError):  # noqa: PT012 - until there are none left
        while True:
            taken.enter_context(psycopg.connect(server.url()))


@asynchronous
async def test_appends_wait_for_a_connection(small: PostgresServer, small_place: str) -> None:
    async with await PostgresStore.open(small_place) as store:
        await store.append(Write("a", [EVENT]))
        with all_taken(small, small_place):
            before = refused(small)
            append = asyncio.create_task(store.append(Write("a", [EVENT]), id="once"))
            while refused(small) < before + 3:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            assert not append.done()
        assert (await append).versions == (2,)
        assert len(await store.read_stream("a")) == 2


@asynchronous
async def test_appends_do_not_wait_for_a_connection_for_ever(small: PostgresServer, small_place: str) -> None:
    async with await PostgresStore.open(small_place, patience=0.2) as store:
        await store.append(Write("a", [EVENT]))
        with all_taken(small, small_place), pytest.raises(StoreUnavailable, match="too many clients"):
            await store.append(Write("a", [EVENT]), id="once")
        assert (await store.append(Write("a", [EVENT]), id="once")).versions == (2,)

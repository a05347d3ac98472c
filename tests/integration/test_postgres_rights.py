"""Who may do what on a server: a role without a right is told which, and what it may do works."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from headwater import open_store
from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import StoreReadOnly, StoreRefused, StoreUnavailable
from headwater.messages import NewEvent, Write
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

EVENT = NewEvent("happened", b"{}")
TABLES = "GRANT USAGE ON SCHEMA {0} TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO guest"
SEQUENCE = "GRANT SELECT ON SEQUENCE {0}.event_position TO guest"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server with one role that needs a password and owns nothing, few connections, and prepared transactions."""
    rules = Path(tempfile.gettempdir(), f"headwater-hba-{tmp_path_factory.getbasetemp().name}-{id(tmp_path_factory)}")
    rules.write_text("host all guest 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
    rules.chmod(0o644)
    settings = {"hba_file": str(rules), "max_connections": "8", "max_prepared_transactions": "2"}
    with postgres_server(settings=settings) as server:
        server.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
        yield server
    rules.unlink()


@pytest.fixture
def place(server: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(server)


def schema_of(place: str) -> str:
    return place.rpartition("=")[2]


def as_guest(place: str) -> str:
    return place.replace("postgres@", "guest:right@")


@contextmanager
def holding(place: str) -> Iterator[psycopg.Connection]:
    """The gate of the store, held by the server's superuser."""
    with psycopg.connect(place.partition("?")[0], application_name="somebody") as connection:
        connection.execute(f"SELECT {schema_of(place)}.lock(true, '{{}}')".encode())
        yield connection
        connection.rollback()


async def named(store: PostgresStore) -> str:
    """The one obstacle, once it is old enough to be one."""
    while not (found := await store.obstacles()):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    [line] = found
    return line


# -- getting in


@asynchronous
async def test_a_wrong_password_is_refused_and_never_shown(server: PostgresServer) -> None:
    for credentials in ("guest:wrong", "guest"):
        with pytest.raises(StoreRefused) as caught:
            await open_store(server.url().replace("postgres@", f"{credentials}@"))
        assert "wrong" not in str(caught.value)


@asynchronous
async def test_out_of_connections(server: PostgresServer) -> None:
    with ExitStack() as taken:
        with pytest.raises(psycopg.OperationalError):  # noqa: PT012 - until there are none left
            while True:
                taken.enter_context(psycopg.connect(server.url()))
        with pytest.raises(StoreUnavailable):
            await open_store(server.url())
    async with await open_store(server.url()) as store:
        await store.head()


# -- reading only


@asynchronous
async def test_a_user_who_may_only_read(server: PostgresServer, place: str) -> None:
    async with await open_store(place) as store:
        await store.append(Write("a", [EVENT]))
    server.execute(f"{TABLES}; {SEQUENCE}".format(schema_of(place)))
    async with await open_store(as_guest(place)) as store:
        assert (await store.read()).events[0].stream == "a"
        assert (await store.read_stream("a"))[0].type == "happened"
        with pytest.raises(StoreReadOnly, match="right to write"):
            await store.append(Write("a", [EVENT]))


@asynchronous
async def test_who_may_not_see_the_sequence_is_told_so_and_sees_no_empty_store(
    server: PostgresServer, place: str
) -> None:
    async with await open_store(place) as store:
        await store.append(Write("a", [EVENT]))
    server.execute(TABLES.format(schema_of(place)))
    with pytest.raises(StoreRefused, match=f'GRANT SELECT ON SEQUENCE "{schema_of(place)}".event_position TO guest'):
        await open_store(as_guest(place))


# -- making a store


@asynchronous
async def test_a_schema_that_somebody_else_has_made_is_taken(server: PostgresServer, place: str) -> None:
    with pytest.raises(StoreReadOnly, match=r"permission denied for database .* or the schema"):
        await open_store(as_guest(place))
    server.execute(f"CREATE SCHEMA {schema_of(place)} AUTHORIZATION guest")
    async with await open_store(as_guest(place)) as store:
        assert (await store.append(Write("a", [EVENT]))).versions == (1,)
        assert len((await store.read()).events) == 1


# -- who is in the way


@asynchronous
async def test_a_holder_of_another_role_is_named_even_to_those_who_may_not_see_its_age(
    server: PostgresServer, place: str
) -> None:
    async with await PostgresStore.open(place):
        server.execute(f"{TABLES}; {SEQUENCE}".format(schema_of(place)))
    async with await PostgresStore.open(as_guest(place)) as store:
        with holding(place) as other:
            line = await named(store)
            assert line.startswith(f"transaction of process {other.info.backend_pid} (somebody) of user postgres, ")
            assert line.endswith("for an unknown time (grant pg_read_all_stats to see it): nobody else appends")
            server.execute("GRANT pg_read_all_stats TO guest")
            assert "for 1 s (idle in transaction): nobody else appends" in await named(store)
            server.execute("REVOKE pg_read_all_stats FROM guest")
        assert await store.obstacles() == []


@asynchronous
async def test_a_prepared_transaction_is_named(server: PostgresServer, place: str) -> None:
    async with await PostgresStore.open(place) as store:
        with holding(place) as other:
            other.execute("PREPARE TRANSACTION 'left behind'")
        line = await named(store)
        assert line.startswith("prepared transaction 'left behind' of user postgres, open for 1 s (")
        assert line.endswith("ROLLBACK PREPARED ends it): nobody else appends")
        server.execute("ROLLBACK PREPARED 'left behind'")
        assert await store.obstacles() == []

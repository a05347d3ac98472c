"""What goes when a server does: what was believed of it. And servers and sessions that cannot keep the promises."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from headwater.adapters.postgres.store import PostgresStore
from headwater.errors import AcknowledgementLost, BadInput, StoreError, StoreReadOnly, WrongExpectedVersion
from headwater.messages import Condition, NewEvent, Write, query
from headwater.testing.postgres import PostgresServer, postgres_server
from headwater.testing.running import asynchronous

EVENT = NewEvent("happened", b"{}")


@pytest.fixture
def place(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> str:
    return new_schema(postgres)


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """A server that these tests may stop, and that is in no hurry to write what nobody waits for."""
    with postgres_server(settings={"wal_writer_delay": "10s"}) as server:
        yield server


async def asks(place: str, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(place.partition("?")[0], autocommit=True) as connection:
        return await (await connection.execute(sql.encode(), parameters)).fetchall()


async def waits_for_a_lock(place: str) -> int:
    """The server's process that waits for a lock of the store, once there is one."""
    sql = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = %s"
    while not (found := await asks(place, sql, f"headwater {place.rpartition('=')[2]}")):  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return int(str(found[0][0]))


@asynchronous
async def test_of_a_group_that_was_lost_those_with_an_id_are_resolved(place: str) -> None:
    async with await PostgresStore.open(place) as store:
        await store.append(Write("a", [EVENT]))
        async with await psycopg.AsyncConnection.connect(place.partition("?")[0]) as other:
            await other.execute(f"SELECT {place.rpartition('=')[2]}.lock(true, '{{}}')".encode())
            with_id = asyncio.create_task(store.append(Write("b", [EVENT]), id="once"))
            without = asyncio.create_task(store.append(Write("c", [EVENT])))
            await asks(place, "SELECT pg_terminate_backend(%s)", await waits_for_a_lock(place))
            with pytest.raises(AcknowledgementLost):
                await without
            await other.rollback()
        assert (await with_id).versions == (1,)
        assert len(await store.read_stream("b")) == 1


@asynchronous
async def test_a_restart_while_nothing_happens_is_not_noticed(own: PostgresServer) -> None:
    async with await PostgresStore.open(own.create_database()) as store:
        await store.append(Write("a", [EVENT]))
        own.stop()
        own.start()
        assert (await store.append(Write("a", [EVENT]))).versions == (2,)


@asynchronous
async def test_what_a_crash_took_is_believed_no_longer(own: PostgresServer) -> None:
    async with await PostgresStore.open(own.create_database(), durable=False) as store:
        await store.append(Write("kept", [EVENT]))
        own.execute("CHECKPOINT")
        done = await store.append(Write("lost", [EVENT]))
        assert await store.head() == done.last
        own.kill()
        own.start()
        assert (await store.append(Write("lost", [EVENT], expected=0))).versions == (1,)
        events = [event.stream for event in (await store.read()).events]
        assert events == ["kept", "lost"], "the crash has taken nothing, so this shows nothing"
        assert await store.head() == (await store.read()).events[-1].position


@asynchronous
async def test_sessions_of_another_isolation_level_are_refused(place: str) -> None:
    async with await PostgresStore.open(place) as store:
        first = await store.append(Write("a", [EVENT]))
    option = quote("-c default_transaction_isolation=serializable")
    async with await PostgresStore.open(f"{place}&options={option}") as store:
        condition = Condition(query("happened"), first.last)
        many = [Write(name, [EVENT]) for name in ("b", "c")]
        with pytest.raises(StoreError, match="READ COMMITTED"):
            await store.append(Write("b", [EVENT]))
        with pytest.raises(StoreError, match="READ COMMITTED"):
            await store.append(*many, condition=condition)
        with pytest.raises(StoreError, match="READ COMMITTED"):
            await store.head()
    assert await asks(place, f"SELECT count(*) FROM {place.rpartition('=')[2]}.event") == [(1,)]


def standby_signal(server: PostgresServer) -> Path:
    """The file that makes a server start as a standby, made."""
    signal = server.folder / "standby.signal"
    signal.touch()
    return signal


@asynchronous
async def test_a_standby_is_refused(own: PostgresServer) -> None:
    url = own.create_database()
    async with await PostgresStore.open(url) as store:
        await store.append(Write("a", [EVENT]))
        own.stop()
        signal = standby_signal(own)
        try:
            own.start()
            with pytest.raises(StoreReadOnly, match="standby"):
                await PostgresStore.open(url)
            with pytest.raises(StoreReadOnly, match="standby"):
                await store.head()
        finally:
            own.stop()
            await asyncio.to_thread(signal.unlink)
            own.start()


@asynchronous
async def test_what_cannot_be_sent_fails_alone_and_typed(place: str) -> None:
    async with await PostgresStore.open(place) as store:
        asked = [
            store.append(Write("a", [EVENT])),
            store.append(Write("b", [NewEvent("happened", b"{}", type_version=2**63)])),
            store.append(Write("c", [EVENT], expected=2**70)),
            store.append(Write("d", [EVENT]), id="d", fingerprint="\ud800"),
            store.append(Write("e", [EVENT]), condition=Condition(query(tags=["\ud800"]), 0)),
        ]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in found[1:4]] == [BadInput, WrongExpectedVersion, BadInput]
        assert sorted(event.stream for event in (await store.read()).events) == ["a", "e"]
        assert await store.find_append("\ud800") is None

"""Behind pgbouncer in transaction mode: a session goes from client to client, unchanged, and nobody keeps it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import mkstemp
from typing import Self

import pytest
from psycopg import pq

from headwater.adapters.postgres.server import Connection, Server
from headwater.adapters.postgres.store import PostgresStore
from headwater.adapters.postgres.views import PostgresViews
from headwater.messages import NewEvent, Receipt, Write
from headwater.testing.running import asynchronous
from headwater.views.port import Advance, Build, Changes
from headwater.views.table import Column, Table
from pooler import Ways

EVENT = NewEvent("happened", b"{}")


@pytest.mark.parametrize("durable", [True, False])
@asynchronous
async def test_nothing_is_left_behind(ways: Ways, durable: bool) -> None:
    """Nor is what others commit in the same session kept from the disk."""
    changed = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name <> 'application_name'"
    session = await ways.fetch("SELECT pg_backend_pid()", by="narrow")
    async with await PostgresStore.open(ways.narrow, durable=durable) as store:
        assert store.capabilities.durable, "it declares what is so, not what was asked for"
        await use(store)
    assert await ways.fetch("SELECT pg_backend_pid()", by="narrow") == session, "the very one"
    assert await ways.fetch("SELECT name, statement FROM pg_prepared_statements", by="narrow") == []
    assert await ways.fetch("SELECT pg_listening_channels()", by="narrow") == []
    assert await ways.fetch(changed, by="narrow") == []


async def use(store: PostgresStore) -> None:
    """Whatever sets or prepares something where it may: drivers prepare what comes often."""
    views, shelf = PostgresViews(store), await Shelf.make(store)
    for n in range(8):
        await store.append(Write(f"s-{n}", [EVENT]))
        await store.append(Write("a", [EVENT], expected=n), Write(f"t-{n}", [EVENT]), id=f"append-{n}")
        await store.read()
        await store.load("a")
        await store.wait(10_000, timeout=0.001)
        await shelf.write()
        await views.builds()
        await views.select("SELECT count(*) FROM events", ())


class Shelf:
    """A view that is written to."""

    tables = (Table("shelf", (Column("key", "text"), Column("n", "integer"))),)

    def __init__(self, views: PostgresViews, build: Build) -> None:
        self._views, self._build = views, build

    @classmethod
    async def make(cls, store: PostgresStore) -> Self:
        views = PostgresViews(store)
        return cls(views, await views.create("shelf", 1, "shape", cls.tables))

    async def write(self) -> None:
        n = self._build.position + 1
        (self._build,) = await self._views.write([Advance(self._build, self.tables, Changes([(f"row-{n}", n)]), n)])


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where each connection of a store leaves a file with all that it has said and heard."""
    configure = Server._configure
    with ExitStack() as files:

        async def traced(self: Server, connection: Connection) -> None:
            await configure(self, connection)
            descriptor, _ = mkstemp(dir=tmp_path)
            files.callback(os.close, descriptor)
            connection.pgconn.trace(descriptor)
            connection.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)

        monkeypatch.setattr(Server, "_configure", traced)
        yield tmp_path


def read(traces: Path) -> list[list[str]]:
    return [file.read_text().splitlines() for file in traces.iterdir()]


def late_flushes(lines: Sequence[str]) -> int:
    """How many flushes come behind the end of a transaction, in front of nothing: what comes first, they or the answer
    to what was before, is chance."""
    said = [line.split("\t")[2] for line in lines if line.startswith("F")]
    ready = iter([line.split()[-1] for line in lines if "ReadyForQuery" in line])
    ends = {number: next(ready) == "I" for number, what in enumerate(said) if what in ("Sync", "Query")}
    return sum(what == "Flush" and ends.get(number - 1, False) for number, what in enumerate(said))


@asynchronous
async def test_nobody_keeps_a_session_who_does_nothing(ways: Ways, traces: Path) -> None:
    """For a flush the pooler takes a session too, and gives it back when the server has answered: it never does."""
    async with await PostgresStore.open(ways.pooled) as store:
        await use(store)
        await store.restore([], [Receipt(f"restored-{n}", 1, 1, (1,), "") for n in range(3)])
    found = read(traces)
    assert sum("ReadyForQuery" in line for lines in found for line in lines) > 50
    assert [late_flushes(lines) for lines in found] == [0] * len(found)

"""The benches, as plain data: who runs, in which mode, and what Headwater has to reach. `runner.py` runs them."""

from dataclasses import dataclass
from typing import Literal

Home = Literal["product", "bench", "emmett"]
"""Which environment a script runs in: Headwater's own, the Python peers' `.bench`, or Emmett's `.bench/emmett`."""


@dataclass(frozen=True)
class Contender:
    """`script` is a file of `contenders/`; `goal`: Headwater's median is to be at least this times this one's."""

    name: str
    script: str
    mode: str = ""
    goal: float | None = None
    home: Home = "bench"


@dataclass(frozen=True)
class Limit:
    """A bound on Headwater's own value: `key` of the line of JSON that its script prints, at most `goal`."""

    name: str
    unit: str
    goal: float
    key: str = "value"


@dataclass(frozen=True)
class Bench:
    name: str
    about: str
    ours: Contender
    unit: str = ""
    rivals: tuple[Contender, ...] = ()
    limits: tuple[Limit, ...] = ()
    rounds: int = 5
    http: bool = False
    """The scripts are servers, driven by `load.py`."""
    data: str = ""
    """A file the bench needs, relative to the repository; it becomes the script's mode. Left out where absent."""


def headwater(script: str, mode: str = "") -> Contender:
    return Contender("headwater", script, mode, home="product")


SUITE = (
    Bench(
        "append-1",
        "durable single-event appends, one at a time",
        headwater("headwater_append", "1"),
        "events/s",
        (
            Contender("apsw group commit, by hand", "apsw_append", "1", goal=0.8),
            Contender("apsw direct (no asyncio)", "apsw_append", "direct"),
            Contender("file + fsync (limit)", "file_append", "1"),
            Contender("eventsourcing recorder", "eventsourcing_append", "1"),
            Contender("UmaDB", "umadb_append", "1"),
        ),
    ),
    Bench(
        "append-64",
        "durable single-event appends, 64 concurrent",
        headwater("headwater_append", "64"),
        "events/s",
        (
            Contender("apsw group commit, by hand", "apsw_append", "64", goal=0.8),
            Contender("file + group fsync (limit)", "file_append", "64"),
            Contender("eventsourcing recorder", "eventsourcing_append", "64", goal=8),
            Contender("UmaDB", "umadb_append", "64", goal=1.5),
        ),
    ),
    Bench(
        "append-batch1000",
        "durable appends of 1,000 events each",
        headwater("headwater_append", "batch"),
        "events/s",
        (
            Contender("apsw, by hand", "apsw_append", "batch", goal=0.7),
            Contender("file + fsync (limit)", "file_append", "batch"),
            Contender("eventsourcing recorder", "eventsourcing_append", "batch"),
            Contender("UmaDB", "umadb_append", "batch"),
        ),
    ),
    Bench(
        "load-fold",
        "load and fold aggregates of 100 events, one at a time, of 1,000 appended interleaved",
        headwater("headwater_load"),
        "events/s",
        (
            Contender("apsw one-step read, by hand", "apsw_load", goal=0.5),
            Contender("eventsourcing repository", "eventsourcing_load", goal=15),
            Contender("Emmett aggregateStream", "emmett_load.mjs", goal=5, home="emmett"),
        ),
    ),
    Bench(
        "execute",
        "commands on 100-event aggregates (load, fold, decide, durable append), 64 concurrent over 1,000",
        headwater("headwater_execute"),
        "commands/s",
        (
            Contender("apsw, by hand", "apsw_execute"),
            Contender("eventsourcing application", "eventsourcing_execute", goal=8),
        ),
    ),
    Bench(
        "catchup",
        "catch-up of a keyed view, 5,000 keys, the checkpoint in its transaction",
        headwater("headwater_catchup"),
        "events/s",
        (
            Contender("apsw + msgspec, by hand", "apsw_catchup", goal=0.6),
            Contender("eventsourcing ProjectionRunner", "eventsourcing_catchup", goal=50),
        ),
    ),
    Bench(
        "http",
        "POST of a durable order, 64 connections, one server process",
        headwater("headwater_http"),
        "requests/s",
        (
            Contender("Starlette + apsw group commit", "starlette_http", goal=0.9),
            Contender("FastAPI + sqlite3 inline", "fastapi_http", goal=2.5),
        ),
        http=True,
    ),
    Bench(
        "memory",
        "a catch-up over 2,000,000 events against one over 100,000, and what an append and a load cost there",
        headwater("headwater_memory"),
        limits=(
            Limit("peak memory of the catch-up, growth", "MB", 20, "memory_growth"),
            # "Does not grow": a fifth is allowed for, which is what medians of one machine still differ by.
            Limit("append, cost at the end / the start", "x", 1.2, "append_growth"),
            Limit("load, cost at the end / the start", "x", 1.2, "load_growth"),
        ),
        rounds=1,
    ),
    Bench(
        "import",
        "the shop's import of three months of a real retailer's invoices, through commands",
        headwater("headwater_import"),
        limits=(Limit("three months", "s", 10),),
        data="../shared/data/online-retail-2010-12_2011-02.csv.gz",
    ),
)

"""catchup: a declared view on a runtime that is opened over a filled store, until it has seen everything."""

import asyncio
import time

from benchmarks.contender import fresh_copy, options, play
from benchmarks.contenders.headwater_app import app, populate, populate_at
from benchmarks.workload import catchup_events, pg_catchup_events
from headwater import Runtime

OPTIONS = options()
ON_POSTGRES = (OPTIONS.dir / "postgres").exists()
EVENTS = (pg_catchup_events if ON_POSTGRES else catchup_events)(OPTIONS.quick)


async def measure(url: str) -> float:
    start = time.perf_counter()
    async with Runtime.open(app, url) as runtime:
        await runtime.idle(timeout=600)
        elapsed = time.perf_counter() - start
        [row] = await runtime.sql("SELECT sum(items) AS items FROM spending")
        assert row["items"] == EVENTS
    return EVENTS / elapsed


def main() -> None:
    if ON_POSTGRES:
        from benchmarks.contenders.pg import address, copied

        database = address(OPTIONS.dir)
        asyncio.run(populate_at(database, EVENTS))
        play(lambda directory: asyncio.run(measure(copied(database, directory))))
        return
    filled = asyncio.run(populate(OPTIONS.dir / "events.db", EVENTS))
    play(lambda directory: asyncio.run(measure(f"sqlite:///{fresh_copy(filled, directory)}")))


if __name__ == "__main__":
    main()

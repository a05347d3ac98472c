"""schema-verify: every stored event decoded by the application's class, as `headwater schema verify` does it."""

import asyncio
import time

from benchmarks.contender import fresh_copy, options, play
from benchmarks.contenders.headwater_app import app, populate, populate_at
from benchmarks.workload import catchup_events, pg_catchup_events
from headwater import open_store
from headwater.schemas.verifying import verify

OPTIONS = options()
ON_POSTGRES = (OPTIONS.dir / "postgres").exists()
EVENTS = (pg_catchup_events if ON_POSTGRES else catchup_events)(OPTIONS.quick)


async def measure(url: str) -> float:
    async with await open_store(url) as store:
        start = time.perf_counter()
        found = await verify(app.events, store)
        elapsed = time.perf_counter() - start
        assert found.sound
        assert found.events == EVENTS
    return EVENTS / elapsed


def main() -> None:
    if ON_POSTGRES:
        import psycopg

        from benchmarks.contenders.pg import address, copied

        database = address(OPTIONS.dir)
        asyncio.run(populate_at(database, EVENTS))
        with psycopg.connect(database, autocommit=True) as connection:  # as the bare loop's table is
            connection.execute("VACUUM ANALYZE headwater.event")
        play(lambda directory: asyncio.run(measure(copied(database, directory))))
        return
    filled = asyncio.run(populate(OPTIONS.dir / "events.db", EVENTS))
    play(lambda directory: asyncio.run(measure(f"sqlite:///{fresh_copy(filled, directory)}")))


if __name__ == "__main__":
    main()

"""catchup: a declared view on a runtime that is opened over a filled store, until it has seen everything."""

import asyncio
import time
from pathlib import Path

from benchmarks.contender import fresh_copy, options, play
from benchmarks.contenders.headwater_app import app, populate
from benchmarks.workload import catchup_events
from headwater import Runtime

OPTIONS = options()
EVENTS = catchup_events(OPTIONS.quick)


async def measure(store: Path) -> float:
    start = time.perf_counter()
    async with Runtime.open(app, f"sqlite:///{store}") as runtime:
        await runtime.idle(timeout=600)
        elapsed = time.perf_counter() - start
        [row] = await runtime.sql("SELECT sum(items) AS items FROM spending")
        assert row["items"] == EVENTS
    return EVENTS / elapsed


def main() -> None:
    filled = asyncio.run(populate(OPTIONS.dir / "events.db", EVENTS))
    play(lambda directory: asyncio.run(measure(fresh_copy(filled, directory))))


if __name__ == "__main__":
    main()

"""load-fold: load an aggregate by its decider and fold it, one after the other."""

import asyncio
from pathlib import Path

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.headwater_app import app, carts, opened, populate
from benchmarks.workload import EVENTS_PER_AGGREGATE, aggregate, far_apart
from headwater.clock import SystemClock
from headwater.commands.executor import Executor

OPTIONS = options()


async def measure(path: Path) -> float:
    async with await opened(path) as store:
        executor = Executor(app, store, SystemClock())

        async def load(_: int, k: int) -> None:
            loaded = await executor.load(carts, aggregate(far_apart(k)))
            assert loaded.state.items == EVENTS_PER_AGGREGATE

        return EVENTS_PER_AGGREGATE * await tasks_per_second(load, 1, OPTIONS.seconds)


def main() -> None:
    path = asyncio.run(populate(OPTIONS.dir / "events.db"))
    play(lambda _: asyncio.run(measure(path)))


if __name__ == "__main__":
    main()

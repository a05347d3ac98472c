"""execute: commands on 100-event aggregates through the runtime: load, fold, decide, durable append."""

import asyncio
from pathlib import Path

from benchmarks.contender import fresh_copy, options, play, tasks_per_second
from benchmarks.contenders.headwater_app import AddItem, app, item, populate
from benchmarks.workload import DEFAULT_CONCURRENCY, aggregate, mine
from headwater import App, Runtime

OPTIONS = options()
ITEMS = [item(n) for n in range(10_000)]
WITHOUT_VIEWS = App("carts", deciders=app.deciders)


async def measure(store: Path) -> float:
    async with Runtime.open(WITHOUT_VIEWS, f"sqlite:///{store}") as runtime:

        async def add_item(worker: int, k: int) -> None:
            cart = aggregate(mine(worker, k)).removeprefix("cart-")
            await runtime.execute(AddItem(cart, ITEMS[k % len(ITEMS)]))

        return await tasks_per_second(add_item, DEFAULT_CONCURRENCY, OPTIONS.seconds)


def main() -> None:
    filled = asyncio.run(populate(OPTIONS.dir / "events.db"))
    play(lambda directory: asyncio.run(measure(fresh_copy(filled, directory))))


if __name__ == "__main__":
    main()

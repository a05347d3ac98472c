"""execute, for orientation: by hand, the one-step read of apsw_load and the group commit of apsw_append together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.contender import fresh_copy, options, play, tasks_per_second
from benchmarks.contenders.apsw_load import INSERT, ItemAdded, load, populate
from benchmarks.contenders.apsw_store import connect
from benchmarks.contenders.group_commit import GroupCommit
from benchmarks.workload import DEFAULT_CONCURRENCY, aggregate, event, mine

OPTIONS = options()
ENCODE = msgspec.json.Encoder().encode
ITEMS = [ItemAdded(**event(n)) for n in range(10_000)]


async def measure(store: Path) -> float:
    reading, writing = connect(store), connect(store)

    def commit(rows: Sequence[tuple[str, int, str]]) -> Sequence[None]:
        with writing:
            writing.executemany(INSERT, rows)
        return [None] * len(rows)

    writer = GroupCommit(commit)

    async def add_item(worker: int, k: int) -> None:
        """The decision: a cart takes no item that costs nothing."""
        stream, item = aggregate(mine(worker, k)), ITEMS[k % len(ITEMS)]
        cart = load(reading, stream)
        if item.price_pence <= 0:
            raise ValueError(item)
        await writer.append((stream, cart.items + 1, ENCODE(item).decode()))

    try:
        return await tasks_per_second(add_item, DEFAULT_CONCURRENCY, OPTIONS.seconds)
    finally:
        writer.close()
        reading.close()
        writing.close()


def main() -> None:
    filled = populate(OPTIONS.dir / "events.db")
    play(lambda directory: asyncio.run(measure(fresh_copy(filled, directory))))


if __name__ == "__main__":
    main()

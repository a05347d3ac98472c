"""load-snapshot: load long aggregates by their decider, with snapshots or without, one after the other."""

import asyncio
from dataclasses import replace
from pathlib import Path

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.contenders.headwater_app import AddItem, carts, item, new_event
from headwater import App, Runtime, Snapshots, Write

OPTIONS = options()
EVENTS = 10_000
STREAMS = [f"cart-{n}" for n in range(10)]
EVERY = 200
CARTS = replace(carts, snapshots=Snapshots(every=EVERY)) if OPTIONS.mode == "with" else carts
APP = App("carts", deciders=[CARTS])


async def populate(path: Path) -> Path:
    """Appends by turns; each aggregate gets its last snapshot, by a command, at another distance from its end."""
    async with Runtime.open(APP, f"sqlite:///{path}") as runtime:
        ends = {stream: EVENTS - EVERY * n // len(STREAMS) for n, stream in enumerate(STREAMS)}
        for start in range(0, EVENTS - EVERY, 100):
            events = [new_event(n) for n in range(start, start + 100)]
            await runtime.store.append(*(Write(stream, events) for stream in STREAMS))
        for stream, end in ends.items():
            await runtime.store.append(Write(stream, [new_event(n) for n in range(EVENTS - EVERY, end - 1)]))
            await runtime.execute(AddItem(stream.removeprefix("cart-"), item(end - 1)))
            await runtime.idle()
            if end < EVENTS:
                await runtime.store.append(Write(stream, [new_event(n) for n in range(end, EVENTS)]))
        assert len(await runtime.snapshots.all()) == (len(STREAMS) if CARTS.snapshots else 0)
    return path


async def measure(path: Path) -> float:
    async with Runtime.open(APP, f"sqlite:///{path}", workers=False) as runtime:

        async def load(_: int, k: int) -> None:
            loaded = await runtime.executor.load(CARTS, STREAMS[k % len(STREAMS)])
            assert (loaded.version, loaded.state.items) == (EVENTS, EVENTS)

        return await tasks_per_second(load, 1, OPTIONS.seconds)


def main() -> None:
    path = asyncio.run(populate(OPTIONS.dir / "events.db"))
    play(lambda _: asyncio.run(measure(path)))


if __name__ == "__main__":
    main()

"""A manual clock that moves by itself, as fast as the tasks of a test do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headwater.clock import ManualClock


@asynccontextmanager
async def moving(clock: ManualClock, step: float = 0.01) -> AsyncIterator[None]:
    """During the block, whoever can run does so before time goes on, by one `step` after the other."""

    async def move() -> None:
        while True:
            await asyncio.sleep(0)
            clock.advance(step)

    task = asyncio.get_running_loop().create_task(move(), name="time")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

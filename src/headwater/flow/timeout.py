"""A limit of time for anything that is awaited, on any clock."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from headwater.clock import Clock, SystemClock
from headwater.errors import TimedOut

T = TypeVar("T")


async def within(clock: Clock, seconds: float, work: Awaitable[T], what: str = "the work") -> T:
    """What `work` returns. When that takes longer than `seconds` it is cancelled and its end waited for; TimedOut is
    raised unless it ends otherwise all the same. On the machine's clock no task is made."""
    if isinstance(clock, SystemClock):
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await work
        except TimeoutError as error:
            if limit.expired():
                raise TimedOut(what, seconds) from error
            raise
    return await _on_another_clock(clock, seconds, work, what)


async def _on_another_clock(clock: Clock, seconds: float, work: Awaitable[T], what: str) -> T:
    doing = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait((doing, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        doing.cancel()
        await asyncio.gather(doing, waiting, return_exceptions=True)
    if doing.cancelled() and waiting.done() and not waiting.cancelled():
        raise TimedOut(what, seconds)
    return doing.result()

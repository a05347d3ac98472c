"""A store that cannot do its work for a while: those who work on it in the background wait, however long it takes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from headwater.errors import Overloaded, StoreFull, StoreLocked, StoreReadOnly, StoreRefused, StoreUnavailable
from headwater.flow.retry import full_jitter

T = TypeVar("T")

PASSING = StoreUnavailable, StoreLocked, StoreFull, StoreReadOnly, StoreRefused, Overloaded
"""What passes by itself, or when an operator mends it, with no need to start again."""

SHORTEST, LONGEST = 0.05, 1.0  # seconds: the longest waits before the second attempt, and before any

log = logging.getLogger(__name__)


class Outage:
    """How one worker (`who`, in the log) gets over the outages of its store. It says so once for each."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._told = False

    async def outlive(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns, tried until the store can do it. Trying it again must be safe."""
        attempt = 0
        while True:
            try:
                result = await work()
            except PASSING as error:
                attempt += 1
                await self.wait(error, attempt)
            else:
                self.over()
                return result

    async def wait(self, error: Exception, attempt: int) -> None:
        """Wait before the next attempt; `error` ended this one. Of the machine's time, whatever the clock says."""
        self.tell(error)
        await asyncio.sleep(full_jitter(attempt, SHORTEST, LONGEST))

    def tell(self, error: Exception) -> None:
        """The store cannot do its work."""
        if not self._told:
            self._told = True
            log.warning("%s: waiting for the store: %s", self._who, error)

    def over(self) -> None:
        """The store has done its work."""
        if self._told:
            self._told = False
            log.warning("%s: going on, the store is back", self._who)

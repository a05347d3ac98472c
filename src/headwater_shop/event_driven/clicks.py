"""Telling what shoppers do, without making them wait for it."""

import asyncio
import logging
from collections import deque
from typing import Final

from headwater import HeadwaterError, Runtime
from headwater_shop.domain.clicks import Click
from headwater_shop.event_driven.trending import CLICKSTREAM

MAX_WAITING: Final = 5_000
TOGETHER: Final = 500

log = logging.getLogger("headwater_shop.clicks")


class Clicks:
    """Publishes clicks to the clickstream, for any number of shoppers; `run` must be running.

    At most `waiting` clicks wait. Those beyond that, and those that the broker does not take (it is away, or tells to
    wait), are dropped: a page is worth more than its statistics. `published` and `dropped` count them.
    """

    def __init__(self, runtime: Runtime, *, waiting: int = MAX_WAITING) -> None:
        self.published = 0
        self.dropped = 0
        self._runtime = runtime
        self._bound = waiting
        self._waiting: deque[tuple[Click, str]] = deque()
        self._wake = asyncio.Event()
        self._told = False

    def note(self, click: Click, visitor: str) -> None:
        """Have a visitor's click published soon, after their earlier ones. Neither waits nor fails."""
        if len(self._waiting) >= self._bound:
            self._drop(1, "too many wait for the broker")
            return
        self._waiting.append((click, visitor))
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled. What still waits then is dropped."""
        try:
            while True:
                while self._waiting:
                    size = min(len(self._waiting), TOGETHER)
                    await self._publish([self._waiting.popleft() for _ in range(size)])
                self._wake.clear()
                await self._wake.wait()
        finally:
            self.dropped += len(self._waiting)
            self._waiting.clear()

    async def _publish(self, clicks: list[tuple[Click, str]]) -> None:
        """Publish them at once: the runtime sends together what comes together, and keeps each visitor's order."""
        publish = self._runtime.publish
        answers = await asyncio.gather(
            *(publish(CLICKSTREAM, click, key=visitor, time=click.at) for click, visitor in clicks),
            return_exceptions=True,
        )
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        for error in failed:
            if not isinstance(error, HeadwaterError):
                raise error
        self.published += len(answers) - len(failed)
        if failed:
            self._drop(len(failed), str(failed[0]))
        elif self._told:
            self._told = False
            log.warning("clicks are published again; %d were dropped so far", self.dropped)

    def _drop(self, count: int, why: str) -> None:
        self.dropped += count
        if not self._told:
            self._told = True
            log.warning("clicks are dropped: %s", why)

"""One timer for many requests."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class DeadlinePassed(Exception):
    """The work took too long."""


class Deadlines:
    """Gives every piece of work the same number of seconds.

    As `asyncio.timeout` does, but the first to begin is the first to be late, so a single timer is enough: setting
    and clearing one for each request was a tenth of what a command costs here.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, work: Awaitable[T]) -> T:
        """What `work` returns. Raises DeadlinePassed, with `work` cancelled, when it takes longer."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._began[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self.seconds, self._sweep)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._late and task.uncancel() == 0:
                raise DeadlinePassed from None
            raise
        finally:
            del self._began[task]
            self._late.discard(task)

    def _sweep(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for task, began in self._began.items():
            if began + self.seconds > loop.time():
                self._timer = loop.call_at(began + self.seconds, self._sweep)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()

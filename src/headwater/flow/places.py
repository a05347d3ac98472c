"""Places: a counted bound, and those who wait for room under it, served in turn."""

import asyncio
from collections import deque
from contextlib import suppress


class Places:
    """`limit` places. Whoever waits for one gets it in turn, and nobody who comes later is quicker.

    A place that is given back goes to the first who waits, and is taken from then on, before that one runs; cancelling
    it hands the place on. So somebody waits only while all places are taken.
    """

    __slots__ = ("_waiting", "limit", "taken")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a limit of {limit}: nobody would ever get a place; it must be at least 1")
        self.limit = limit
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    def try_take(self) -> bool:
        """Take a place if one is free."""
        if self.taken >= self.limit:
            return False
        self.taken += 1
        return True

    async def take(self) -> None:
        """Take a place once it is this one's turn."""
        if self.try_take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give()
            with suppress(ValueError):
                self._waiting.remove(turn)
            raise

    def give(self, count: int = 1) -> None:
        """Give places back."""
        self.taken -= count
        self._hand_on()

    def resize(self, limit: int) -> None:
        """Change how many there are; nobody loses the one that it has."""
        self.limit = limit
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.taken < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)

"""How many calls a dependency gets at once: as many as were declared, or as many as it answers quickly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headwater.clock import Clock, SystemClock
from headwater.errors import Overloaded, TimedOut
from headwater.flow.places import Places

SOON = 0.1  # seconds after which whoever is refused may come again

WARM_UP = 10  # samples that the long-term latency is the plain mean of
LONG_TERM = 2 / 601  # the weight of one sample in it after that, as with an average over 600


class Bulkhead:
    """At most `limit` at once, and at most `waiting` who wait for a place, in turn; more are refused with Overloaded.
    So a slow dependency takes up no more than its share. Nygard, "Release It!" (2007)."""

    def __init__(self, name: str, limit: int, *, waiting: int = 0) -> None:
        self.name = name
        self._places = Places(limit)
        self._most = waiting

    @property
    def limit(self) -> int:
        """How many may be inside at once."""
        return self._places.limit

    @property
    def inside(self) -> int:
        """How many have a place."""
        return self._places.taken

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return self._places.waiting

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Have one of the places during the block. Raises Overloaded."""
        await self._take()
        try:
            yield
        finally:
            self._places.give()

    async def _take(self) -> None:
        if self._places.try_take():
            return
        if self._places.waiting >= self._most:
            raise Overloaded(self.name, self._places.limit, SOON)
        await self._places.take()


class AdaptiveLimit(Bulkhead):
    """A bulkhead that finds its own limit between `floor` and `ceiling`: it grows while calls take no longer than they
    used to, and shrinks as they take longer, since then they wait for each other.

    The gradient of long-term to recent latency, as in Gradient2 of Netflix's concurrency-limits: with every call
    new = limit · max(0.5, min(1, tolerance · long / recent)) + √limit, smoothed; unchanged while fewer than half of the
    places are taken, since then latency tells nothing of the limit.
    """

    def __init__(
        self, name: str, *, start: int = 20, floor: int = 4, ceiling: int = 1_000, tolerance: float = 1.5,
        smoothing: float = 0.2, waiting: int = 0, clock: Clock | None = None,
    ) -> None:  # fmt: skip
        if not 1 <= floor <= start <= ceiling:
            raise ValueError(
                f"limit {name!r}: 1 <= floor ({floor}) <= start ({start}) <= ceiling ({ceiling}) must hold"
            )
        super().__init__(name, start, waiting=waiting)
        self._floor, self._ceiling = floor, ceiling
        self._tolerance, self._smoothing = tolerance, smoothing
        self._clock = clock or SystemClock()
        self._exact = float(start)
        self._long = 0.0
        self._samples = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Have one of the places during the block, whose time is a sample if it succeeds, or as much as it was given
        (TimedOut); another failure tells nothing of the time that work takes. Raises Overloaded."""
        async with super().place():
            start, inside = self._clock.monotonic(), self.inside
            try:
                yield
            except TimedOut:
                self._learn(self._clock.monotonic() - start, inside)
                raise
            self._learn(self._clock.monotonic() - start, inside)

    def _learn(self, recent: float, inside: int) -> None:
        if recent <= 0:
            return
        self._note(recent)
        if inside < self._exact / 2:
            return
        gradient = max(0.5, min(1.0, self._tolerance * self._long / recent))
        wanted = self._exact * gradient + self._exact**0.5
        self._exact += self._smoothing * (wanted - self._exact)
        self._exact = min(float(self._ceiling), max(float(self._floor), self._exact))
        if int(self._exact) != self.limit:
            self._places.resize(int(self._exact))

    def _note(self, recent: float) -> None:
        self._samples += 1
        weight = 1 / self._samples if self._samples <= WARM_UP else LONG_TERM
        self._long += weight * (recent - self._long)
        if self._long > 2 * recent:
            self._long *= 0.95  # what is left over from a worse time goes sooner

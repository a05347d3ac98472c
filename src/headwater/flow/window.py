"""Counts over a sliding window, of a fixed size however much there is to count."""

from collections import deque

from headwater.clock import Clock

SLICES = 10


class Window:
    """How much was counted within the last `seconds`, and how much of another kind beside it.

    Time is cut into SLICES a window, which are forgotten as a whole: what was counted leaves after `seconds` at the
    latest, and a slice earlier at the earliest.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        if seconds <= 0:
            raise ValueError(f"a window of {seconds:g} seconds; it must be longer than none")
        self._width = seconds / SLICES
        self._clock = clock
        self._slices: deque[list[int]] = deque()  # number of the slice, and both counts
        self._counts = [0, 0]

    def count(self, one: int, other: int = 0) -> None:
        """Count so many more, now."""
        number = self._forget()
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append([number, 0, 0])
        newest, counts = self._slices[-1], self._counts
        newest[1] += one
        newest[2] += other
        counts[0] += one
        counts[1] += other

    def counts(self) -> tuple[int, int]:
        """Both counts, as of now."""
        self._forget()
        return self._counts[0], self._counts[1]

    def clear(self) -> None:
        """Forget everything."""
        self._slices.clear()
        self._counts = [0, 0]

    def _forget(self) -> int:
        """Leave out what is over; the number of the slice that is now."""
        number = int(self._clock.monotonic() / self._width)
        while self._slices and self._slices[0][0] <= number - SLICES:
            _, one, other = self._slices.popleft()
            self._counts[0] -= one
            self._counts[1] -= other
        return number

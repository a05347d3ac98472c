"""How many retries a dependency is asked to bear: a share of the calls, so that retries cannot multiply an outage."""

from dataclasses import dataclass, field

from headwater.clock import Clock, SystemClock
from headwater.flow.window import Window

ROUNDING = 1e-9


@dataclass
class RetryBudget:
    """Of the last `window` seconds: at most `share` retries for each call, and `floor` a second besides, so that little
    traffic may retry too. Three tries over five hops are up to 243 calls without one.

    As Finagle's RetryBudget (Twitter), with a sliding window. One object for each dependency; not for threads.
    """

    share: float = 0.2
    floor: float = 1.0
    window: float = 10.0
    clock: Clock = field(default_factory=SystemClock)
    _recent: Window = field(init=False, repr=False)  # calls, and retries

    def __post_init__(self) -> None:
        if self.share < 0 or self.floor < 0:
            raise ValueError(f"a budget of {self.share:g} of the calls and {self.floor:g} a second; neither below 0")
        self._recent = Window(self.window, self.clock)

    def called(self) -> None:
        """A call was made for the first time."""
        self._recent.count(1)

    def may_retry(self) -> bool:
        """Whether one more retry is within the budget; if so, it is counted."""
        calls, retries = self._recent.counts()
        if retries + 1 > self.share * calls + self.floor * self.window + ROUNDING:
            return False
        self._recent.count(0, 1)
        return True

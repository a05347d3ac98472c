"""A circuit breaker: a dependency that fails is left alone for a while, then asked again carefully."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum

from headwater.clock import Clock, SystemClock
from headwater.errors import CircuitOpen
from headwater.flow.retry import Verdict, classify
from headwater.flow.window import Window


class State(Enum):
    """What becomes of calls."""

    CLOSED = "closed"
    """They are made."""
    OPEN = "open"
    """They are refused; the first one after the pause is made, to see."""
    HALF_OPEN = "half open"
    """Some are made, to see."""


def is_failure(error: Exception) -> bool:
    """Whether an error speaks against the dependency: a "no" to what can never succeed is an answer, not a failure."""
    return classify(error) is Verdict.RETRY


@dataclass
class Breaker:
    """Opens when, of at least `minimum` calls in the last `window` seconds, a share of `failures` or more has failed,
    as `counts` judges errors. After `pause` seconds up to `probes` calls at a time are let through; when so many in a
    row have succeeded it closes, and the first that fails opens it again.

    A call tells only of the state in which it began: one that was under way when the breaker opened decides nothing
    about the probes. One that is cancelled tells nothing. A probe that never ends keeps its place: put a limit of time
    inside. Nygard, "Release It!" (2007). One object for each dependency; not for threads.
    """

    name: str
    failures: float = 0.5
    minimum: int = 10
    window: float = 10.0
    pause: float = 5.0
    probes: int = 3
    counts: Callable[[Exception], bool] = is_failure
    clock: Clock = field(default_factory=SystemClock)
    state: State = field(default=State.CLOSED, init=False)
    _recent: Window = field(init=False, repr=False)  # calls, and those that failed
    _era: int = field(default=0, init=False, repr=False)  # counts the changes of state
    _since: float = field(default=0.0, init=False, repr=False)
    _probing: int = field(default=0, init=False, repr=False)
    _good: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.failures <= 1 or self.minimum < 1 or self.probes < 1:
            raise ValueError(f"breaker {self.name!r}: a share from 0 (not included) to 1; minimum and probes from 1")
        self._recent = Window(self.window, self.clock)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call of the dependency. Raises CircuitOpen instead of making it, and whatever it raises."""
        era = self._enter()
        failed: bool | None = None
        try:
            yield
            failed = False
        except Exception as error:
            failed = self.counts(error)
            raise
        finally:
            if era == self._era:
                self._leave(failed)

    def _enter(self) -> int:
        if self.state is State.OPEN:
            left = self._since + self.pause - self.clock.monotonic()
            if left > 0:
                raise CircuitOpen(self.name, left)
            self._change(State.HALF_OPEN)
        if self.state is State.HALF_OPEN:
            if self._probing >= self.probes:
                raise CircuitOpen(self.name, self.pause)
            self._probing += 1
        return self._era

    def _leave(self, failed: bool | None) -> None:
        if self.state is State.HALF_OPEN:
            self._probing -= 1
            self._good += failed is False
            if failed:
                self._change(State.OPEN)
            elif self._good >= self.probes:
                self._change(State.CLOSED)
        elif failed is not None:
            self._recent.count(1, failed)
            calls, failures = self._recent.counts()
            if failed and calls >= self.minimum and failures >= self.failures * calls:
                self._change(State.OPEN)

    def _change(self, state: State) -> None:
        self.state = state
        self._era += 1
        self._since = self.clock.monotonic()
        self._probing = self._good = 0
        self._recent.clear()

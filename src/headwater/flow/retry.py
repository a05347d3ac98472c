"""When to try again, and when not to."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from headwater.errors import BadInput, DeclarationError, Rejected

_random = random.Random()


class Verdict(Enum):
    """What an error means for the next attempt."""

    RETRY = "retry"
    GIVE_UP = "give up"


def classify(error: BaseException) -> Verdict:
    """What can never succeed as it is, is given up; everything else may have been a bad moment."""
    return Verdict.GIVE_UP if isinstance(error, BadInput | DeclarationError | Rejected) else Verdict.RETRY


def full_jitter(attempt: int, base: float, cap: float, random: random.Random = _random) -> float:
    """Seconds to wait after the attempt of that number (from 1): anything up to base · 2^(attempt-1), and up to `cap`.
    Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015)."""
    return random.uniform(0, min(cap, base * 2 ** min(attempt - 1, 32)))


@dataclass(frozen=True)
class Retry:
    """At most `attempts` (None: no end), with full jitter between them. After an error with a `retry_after` that many
    seconds come first, so that those who were told the same do not all come at once; errors that `classify` gives up
    get no further attempt."""

    attempts: int | None = 5
    base: float = 0.05
    cap: float = 30.0
    classify: Callable[[BaseException], Verdict] = classify

    def pause(self, attempt: int, error: BaseException) -> float | None:
        """Seconds to wait after the attempt of that number failed; None: no further attempt."""
        if (self.attempts is not None and attempt >= self.attempts) or self.classify(error) is Verdict.GIVE_UP:
            return None
        after = getattr(error, "retry_after", 0.0)
        return full_jitter(attempt, self.base, self.cap) + (after if isinstance(after, int | float) else 0.0)

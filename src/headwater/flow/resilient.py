"""`@resilient`: retries, budgets, breakers, limits and time-outs around any asynchronous function."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from headwater.clock import Clock, SystemClock
from headwater.flow.breaker import Breaker
from headwater.flow.budget import RetryBudget
from headwater.flow.limiter import AdaptiveLimit, Bulkhead
from headwater.flow.retry import Retry
from headwater.flow.timeout import within

P = ParamSpec("P")
T = TypeVar("T")
Attempt = Callable[P, Coroutine[Any, Any, T]]


def resilient(
    *, retry: Retry | None = None, budget: RetryBudget | None = None, breaker: Breaker | None = None,
    bulkhead: Bulkhead | None = None, limit: AdaptiveLimit | None = None, timeout: float | None = None,
    clock: Clock | None = None,
) -> Callable[[Callable[P, Awaitable[T]]], Attempt[P, T]]:  # fmt: skip
    """Make an asynchronous function one that copes with a dependency that fails.

    The layers, from the outside, each left out where it is not given:

    1. `retry` tries again what may succeed, within the `budget`, and no earlier than an error's `retry_after` says
    2. `bulkhead`, then `limit`: a place among those who are inside at once; raise Overloaded
    3. `breaker`: raises CircuitOpen while the dependency is to be left alone
    4. `timeout`: seconds for one attempt; raises TimedOut

    So no place is held while an attempt waits for the next; waiting for a place is not the function's time; whoever has
    waited for one asks the breaker as it is then; and what the limits refuse never counts against the dependency.
    Raises what the last attempt raised.
    """
    time = clock or SystemClock()
    policy = retry or Retry(attempts=1)

    def decorate(function: Callable[P, Awaitable[T]]) -> Attempt[P, T]:
        name = getattr(function, "__qualname__", "the work")

        async def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
            async with _place(bulkhead), _place(limit):
                with _call(breaker):
                    if timeout is None:
                        return await function(*args, **kwargs)
                    return await within(time, timeout, function(*args, **kwargs), name)

        return wraps(function)(_retried(attempt, policy, budget, time))

    return decorate


def _retried(attempt: Attempt[P, T], policy: Retry, budget: RetryBudget | None, clock: Clock) -> Attempt[P, T]:
    async def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        if budget is not None:
            budget.called()
        number = 0
        while True:
            number += 1
            try:
                return await attempt(*args, **kwargs)
            except Exception as error:
                pause = policy.pause(number, error)
                if pause is None or (budget is not None and not budget.may_retry()):
                    raise
            await clock.sleep(pause)

    return tried


def _place(limiter: Bulkhead | None) -> AbstractAsyncContextManager[None]:
    return nullcontext() if limiter is None else limiter.place()


def _call(breaker: Breaker | None) -> AbstractContextManager[None]:
    return nullcontext() if breaker is None else breaker.call()

"""Doing again what needs keys of personal data that are not at hand."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from headwater.errors import KeysNeeded, Overloaded

T = TypeVar("T")

ATTEMPTS = 20


async def with_keys(work: Callable[[], T]) -> T:
    """What synchronous `work` returns, done again with the keys that it needs."""

    async def attempt() -> T:
        return work()

    return await awaiting_keys(attempt)


async def awaiting_keys(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` returns, done again with the keys that it needs: all that it does with some of them missing must be
    undone by then. Raises StoreError; Overloaded where the keys are gone again each time."""
    for _ in range(ATTEMPTS):
        try:
            return await work()
        except KeysNeeded as needed:
            await needed.fetch()
    raise Overloaded("the cache of keys", ATTEMPTS)

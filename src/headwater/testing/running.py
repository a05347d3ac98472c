"""Running asynchronous tests with no plugin: on a loop of their own, within a time limit, leaving nothing behind.

Put `@asynchronous`, or `@asynchronous(seconds=60)`, above `async def test_something()`.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar, overload

T = TypeVar("T")
P = ParamSpec("P")

SECONDS = 60.0


def run(main: Coroutine[Any, Any, T], *, seconds: float = SECONDS) -> T:
    """What `main` returns. Raises AssertionError when it takes longer, leaves a task behind, or lets an error go by.

    Whatever `main` itself raises goes first.
    """
    with asyncio.Runner() as runner:
        unseen: list[dict[str, Any]] = []
        runner.get_loop().set_exception_handler(lambda _loop, context: unseen.append(context))
        result, left = runner.run(_within(main, seconds))
    assert not left, f"tasks were left running: {', '.join(left)}"
    assert not unseen, f"errors that nobody looked at: {unseen}"
    return result


async def _within(main: Coroutine[Any, Any, T], seconds: float) -> tuple[T, list[str]]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            result = await main
    except TimeoutError:
        if limit.expired():
            raise AssertionError(f"still running after {seconds:g} s; other tasks: {_others() or 'none'}") from None
        raise
    await asyncio.sleep(0)  # lets a task that has just been told to end do so
    return result, _others()


def _others() -> list[str]:
    current = asyncio.current_task()
    return sorted(f"{task.get_name()} ({task.get_coro()})" for task in asyncio.all_tasks() if task is not current)


@overload
def asynchronous(test: Callable[P, Coroutine[Any, Any, None]], /) -> Callable[P, None]: ...
@overload
def asynchronous(*, seconds: float) -> Callable[[Callable[P, Coroutine[Any, Any, None]]], Callable[P, None]]: ...
def asynchronous(test: Any = None, /, *, seconds: float = SECONDS) -> Any:
    """Make an asynchronous test one that any runner can call; see `run`."""
    if test is None:
        return functools.partial(asynchronous, seconds=seconds)

    @functools.wraps(test)
    def body(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs), seconds=seconds)

    return body

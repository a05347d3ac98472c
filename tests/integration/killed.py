"""The command line, killed (-9) at a call of a function of ours: PLACE (module:qualified.name), the number of the call,
and whether before it or behind it; then the command's own arguments."""

import inspect
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from operator import attrgetter
from typing import Any

from headwater.cli.program import run


def kill_at(place: str, number: int, when: str) -> None:
    """Put the trap where the function is."""
    module, _, name = place.partition(":")
    owner, _, attribute = name.rpartition(".")
    holder: Any = attrgetter(owner)(import_module(module)) if owner else import_module(module)
    setattr(holder, attribute, trap(getattr(holder, attribute), number, when))


def trap(function: Callable[..., Any], number: int, when: str) -> Callable[..., Any]:
    """The function, which does not come back from that call."""
    left = [number]

    def strike(now: str) -> None:
        left[0] -= now == "before"
        if not left[0] and now == when:
            os.kill(os.getpid(), signal.SIGKILL)

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def waiting(*arguments: Any, **more: Any) -> Any:
            strike("before")
            result = await function(*arguments, **more)
            strike("after")
            return result

        return waiting

    @wraps(function)
    def plain(*arguments: Any, **more: Any) -> Any:
        strike("before")
        result = function(*arguments, **more)
        strike("after")
        return result

    return plain


if __name__ == "__main__":
    kill_at(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    sys.exit(run(sys.argv[4:]))

"""From threads to the event loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVarTuple

Given = TypeVarTuple("Given")


def call_from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[*Given], object], *given: *Given) -> None:
    """Have the loop call a function soon. If the loop is closed, nobody is there any more to be told."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *given)

"""`stream lag --watch`: how far groups are behind, again and again, and whether that grows or shrinks."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from headwater.cli.output import clear, print_line, print_rows
from headwater.clock import Clock

EVERY = 1.0  # seconds


async def watch(look: Callable[[], Awaitable[list[dict[str, Any]]]], clock: Clock, json: bool) -> None:
    """Print rows of a lag every second until cancelled, with the records a second by which each grew (below 0: shrank)
    since the look before. With `json` one list a line."""
    before, then = dict[tuple[str, str, int], int](), clock.monotonic()
    while True:
        rows, now = await look(), clock.monotonic()
        behind = {(row["topic"], row["group"], row["partition"]): int(row["behind"]) for row in rows}
        for row, (place, records) in zip(rows, behind.items(), strict=True):
            row["per_second"] = round((records - before[place]) / (now - then), 1) if place in before else None
        if json:
            print_line(msgspec.json.encode(rows))
        else:
            clear()
            print_rows(rows, json=False, nothing="no such groups")
        before, then = behind, now
        await clock.sleep(EVERY)

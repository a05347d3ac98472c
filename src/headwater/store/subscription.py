"""Following a store: all that is recorded, then all that will be."""

import asyncio
import math
from collections.abc import AsyncGenerator

from headwater.messages import ALL, Page, Position, Query
from headwater.store.port import EventStore

ROUND = 60.0  # seconds of one wait; that a long wait is made of several does not show


async def subscribe(
    store: EventStore, query: Query = ALL, *, after: Position = 0, limit: int = 500, idle: float = math.inf
) -> AsyncGenerator[Page, None]:
    """Every event after position `after` that matches, once, in order: first those recorded, then new ones at once.

    Pages are read when they are asked for, so at most one of up to `limit` events is held, and a slow consumer holds
    up nobody else. A page has events, with two exceptions. The first time that everything recorded has been seen
    (`page.position >= page.head`) the page comes even if it is empty: what follows is live. And whenever `idle`
    seconds brought no page an empty one comes: a heartbeat, and a position to go on from.

    It never ends by itself. Leave it by `aclose()` (`async for` with `break` does not; `contextlib.aclosing` does) or
    by cancelling the task that waits for it: nothing keeps running behind it. Raises what the store raises,
    StoreClosed when that is closed. To go on another time, pass the last page's position as `after`.
    """
    now = asyncio.get_running_loop().time
    live, due = False, now() + idle
    while True:
        page = await store.read(query, after=after, limit=limit)
        after, caught_up = page.position, page.position >= page.head
        if page.events or (caught_up and not live) or now() >= due:
            live = live or caught_up
            yield page
            due = now() + idle
        elif caught_up:
            await store.wait(after, timeout=min(due - now(), ROUND))
        await asyncio.sleep(0)  # stores may answer without ever giving way to others

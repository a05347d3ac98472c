"""All events of a store, page by page, around what cannot be read."""

from collections.abc import AsyncGenerator, Callable

import msgspec

from headwater.errors import HeadwaterError, MalformedData, StoreCorrupt, StoreError
from headwater.messages import Page, Position
from headwater.store.port import EventStore

PAGE = 1_000
DAMAGE = (StoreCorrupt, MalformedData, msgspec.DecodeError, UnicodeDecodeError)

OnDamage = Callable[[Position, str], None]


async def pages(
    store: EventStore, after: Position = 0, on_damage: OnDamage | None = None
) -> AsyncGenerator[Page, None]:
    """Everything after a position that is recorded by now. `on_damage` is told of each position that cannot be read
    and why, and reading goes on behind it; without it the error is raised."""
    position, head, size = after, await store.head(), PAGE
    while position < head:
        try:
            page = await store.read(after=position, limit=min(size, head - position))
        except DAMAGE as error:
            if on_damage is None:
                raise error if isinstance(error, HeadwaterError) else _typed(error, position) from error
            if size > 1:
                size //= 10
                continue
            position += 1
            on_damage(position, error.why if isinstance(error, StoreError) else str(error))
            size = PAGE
            continue
        yield page
        position = page.position


def _typed(error: Exception, position: Position) -> MalformedData:
    return MalformedData(f"event after position {position}", f"{error}; `headwater store verify` finds out which")

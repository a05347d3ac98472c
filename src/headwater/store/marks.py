"""What a store remembers of its streams, as a whole."""

from collections.abc import AsyncGenerator

from headwater.store.port import EventStore
from headwater.store.removal import StreamMark

PAGE = 1_000


async def all_marks(store: EventStore) -> AsyncGenerator[list[StreamMark], None]:
    """Every mark, page by page."""
    after = ""
    while page := await store.marks(after, limit=PAGE):
        yield page
        after = page[-1].stream


async def truncated(store: EventStore) -> int:
    """How many streams have lost events."""
    count = 0
    async for page in all_marks(store):
        count += sum(mark.removed > 0 for mark in page)
    return count

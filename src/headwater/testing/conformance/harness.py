"""What the suites share: opening stores, running tests on them, and events to put in."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol

import pytest

from headwater.clock import Clock
from headwater.codec import EventCatalog, event
from headwater.messages import ALL, Envelope, NewEvent, Query, Write
from headwater.store.port import MAX_EVENT_BYTES, Capabilities, EventStore
from headwater.testing.running import asynchronous, run
from headwater.upcasting import retired


class OpenStore(Protocol):
    """Opens the store at a place (a word). The first time it is empty; see EventStoreConformance."""

    def __call__(
        self, place: str, /, *, clock: Clock | None = ..., max_event_bytes: int = MAX_EVENT_BYTES
    ) -> Awaitable[EventStore]: ...


def on_store(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a method `test(self, store, …)` a test of a new, empty store, which is closed behind it."""

    @functools.wraps(test)
    def body(self: Any, open_store: OpenStore, **more: Any) -> None:
        async def main() -> None:
            async with await open_store("main") as store:
                await test(self, store, **more)

        run(main())

    # Runners of tests fill arguments by name: the store is made here, from `open_store`.
    signature = inspect.signature(test)
    renamed = [each.replace(name=_FIXTURE.get(name, name)) for name, each in signature.parameters.items()]
    setattr(body, "__signature__", signature.replace(parameters=renamed))  # noqa: B010 - unknown to type checkers
    return body


_FIXTURE = {"store": "open_store"}


def with_places(test: Callable[[Any, OpenStore], Coroutine[Any, Any, None]]) -> Callable[[Any, OpenStore], None]:
    """Make a method `test(self, open_store)`, which opens stores itself, a test."""
    return asynchronous(test)


def require(store: EventStore, capability: Callable[[Capabilities], bool], name: str) -> None:
    """Leave the test out where the store declares that it cannot do this."""
    if not capability(store.capabilities):
        pytest.skip(f"the store declares that it is not {name}")


@event("conformance.counted")
class Counted:
    """An event with a number."""

    n: int


@event("conformance.named", version=2)
class Named:
    """An event with a text, in the second version of its schema."""

    name: str


CATALOG = EventCatalog([Counted, Named], retired("conformance.named", 1))


def counted(n: int, *tags: str) -> NewEvent:
    """A Counted event, ready to be recorded."""
    return CATALOG.encode(Counted(n), tags=tags)


def named(name: str, *tags: str) -> NewEvent:
    """A Named event, ready to be recorded."""
    return CATALOG.encode(Named(name), tags=tags)


def several(count: int, start: int = 0) -> list[NewEvent]:
    """Counted events from number `start` on."""
    return [counted(n) for n in range(start, start + count)]


async def fill(store: EventStore, count: int, stream: str = "numbers") -> None:
    """Record the numbers from 0 on in one stream."""
    await store.append(Write(stream, several(count)))


def values(events: Iterable[Envelope]) -> list[Any]:
    """What is in the events."""
    found = (each for event in events for each in CATALOG.decode(event))
    return [each.n if isinstance(each, Counted) else each.name for each in found]


async def everything(store: EventStore, query: Query = ALL, *, after: int = 0, limit: int = 1000) -> list[Envelope]:
    """All events that match, page by page. Checks each page's own promises on the way."""
    events: list[Envelope] = []
    while True:
        page = await store.read(query, after=after, limit=limit)
        assert len(page.events) <= limit
        assert page.position > after or page.position >= page.head, "a page must get on"
        assert all(after < event.position <= page.position for event in page.events)
        events += page.events
        after = page.position
        if after >= page.head:
            return events


async def stream_of(store: EventStore, name: str) -> Sequence[Any]:
    """What is in one stream."""
    return values(await store.read_stream(name))

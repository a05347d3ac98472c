"""Events out of a store into an archive, and back. At every moment each of them is in the store, or in an archive that
was compared with it, or in both."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from headwater.adapters.archive.index import packing
from headwater.adapters.archive.store import ArchiveStore
from headwater.app import Stores
from headwater.cli.output import progress
from headwater.cli.pages import PAGE, pages
from headwater.clock import to_micros
from headwater.errors import BadInput, Conflict, UnknownType
from headwater.messages import Envelope, Position
from headwater.store.archive import manifest_of, writing
from headwater.store.marks import all_marks
from headwater.store.port import EventStore
from headwater.store.removal import REMOVALS, Cut

AT_ONCE = 10_000
"""How many events are put back in one transaction."""


class Selection(NamedTuple):
    """Which events: of one stream, or of all (but that of removals); recorded before a time, or of a version before."""

    stream: str
    before: datetime | int | None

    @property
    def text(self) -> str:
        """`before`, for the manifest."""
        return self.before.isoformat() if isinstance(self.before, datetime) else str(self.before or "")

    def takes(self, event: Envelope) -> bool:
        """Whether an event is before."""
        if isinstance(self.before, datetime):
            return event.time < to_micros(self.before)
        return self.before is None or event.stream_version < self.before


@dataclass
class Archived:
    """What is in the archive now, and how many of these events were `removed` (the others were removed before)."""

    events: int = 0
    first: Position = 0
    last: Position = 0
    sha256: str = ""
    removed: int = 0


async def archive(
    stores: Stores, file: Path, wanted: Selection, *, close: bool, despite_lag: bool, actor: str
) -> Archived:
    """Write the events that are wanted to an archive, compare it with the store, and remove them there; `close` the
    stream first. One that was interrupted goes on.

    Raises BadInput where the file is there and is not of an earlier attempt, UnknownType for a stream that is not
    there, Conflict where somebody has yet to read them, or the archive differs; StoreError, OSError.
    """
    store = stores.events
    await _check_there(store, wanted.stream)
    if close:
        await store.close_stream(wanted.stream, actor=actor, reason=f"archived in {file}")
    if not await _written(store, file, wanted):
        return Archived()
    async with await ArchiveStore.open(file) as found:
        made = found.manifest
        if (made.stream, made.before) != (wanted.stream, wanted.text):
            raise BadInput(f"{file} is there already, and is an archive of something else; choose another name")
        cuts = await _compare(store, found)
        if cuts and not despite_lag:
            await _check_lag(stores, made.last)
        done = await store.remove(*cuts, actor=actor, reason=f"archived in {file}, SHA-256 {made.sha256}")
    return Archived(made.events, made.first, made.last, made.sha256, done.events)


async def _check_there(store: EventStore, stream: str) -> None:
    if not stream or await store.read_stream(stream, limit=1):
        return
    async for page in all_marks(store):
        if any(mark.stream == stream for mark in page):
            return
    raise UnknownType("stream", stream)


async def _written(store: EventStore, file: Path, wanted: Selection) -> bool:
    """Write the archive, unless it is there; False where there is nothing to write."""
    if _made_before(file):
        return True
    async with aclosing(_selected(store, wanted)) as chosen:
        page = await anext(chosen, None)
        if page is None:
            return False
        head = await store.head()
        made = writing(file, store.address, wanted.stream, wanted.text, packing(file))
        with made as out, progress("archiving", head) as show:
            while page is not None:
                out.add(page)
                show(page[-1].position)
                page = await anext(chosen, None)
    return True


def _made_before(file: Path) -> bool:
    """Whether the archive is there. Raises BadInput for another file."""
    if file.exists() and not manifest_of(file).is_file():
        raise BadInput(f"{file} is there already, and is no archive; choose another name")
    return file.exists()


async def _selected(store: EventStore, wanted: Selection) -> AsyncGenerator[list[Envelope], None]:
    """The events that are wanted, page by page, none of which is empty."""
    async for page in _stream(store, wanted.stream) if wanted.stream else _everything(store):
        chosen = list(takewhile(wanted.takes, page))
        if mine := [event for event in chosen if wanted.stream or event.stream != REMOVALS]:
            yield mine
        if len(chosen) < len(page):
            return


async def _everything(store: EventStore) -> AsyncGenerator[Sequence[Envelope], None]:
    async for page in pages(store):
        yield page.events


async def _stream(store: EventStore, stream: str) -> AsyncGenerator[Sequence[Envelope], None]:
    after = 0
    while page := await store.read_stream(stream, after=after, limit=PAGE):
        yield page
        after = page[-1].stream_version


# -- comparing


async def _compare(store: EventStore, found: ArchiveStore) -> list[Cut]:
    """What can be removed: all that is in the archive, which was read again, and is the same in the store, to the byte,
    or gone already. Raises Conflict."""
    removed = await _removed(store)
    ends: dict[str, int] = {}
    position = 0
    with progress("verifying", len(found.index)) as show:
        while position < len(found.index):
            events = list(found.index.between(position, position + PAGE))
            await _check_same(store, found, events, removed)
            ends |= {event.stream: event.stream_version for event in events}
            position += len(events)
            show(position)
    return [Cut(stream, last + 1) for stream, last in ends.items() if last > removed.get(stream, 0)]


async def _removed(store: EventStore) -> dict[str, int]:
    return {mark.stream: mark.removed async for page in all_marks(store) for mark in page}


async def _check_same(
    store: EventStore, found: ArchiveStore, events: Sequence[Envelope], removed: dict[str, int]
) -> None:
    """Raises Conflict unless each of these events is in the store as it is in the archive, or was removed there."""
    wanted = [event for event in events if event.stream_version > removed.get(event.stream, 0)]
    there = await _there(store, found.manifest.stream, wanted)
    for event in wanted:
        if there.get(event.position) != event:
            what = "is another one" if event.position in there else "is not there"
            which = f"the event at position {event.position}, version {event.stream_version} of {event.stream!r},"
            raise Conflict(f"{which} in {found.address} {what} in {store.address}: nothing was removed or put back")


async def _there(store: EventStore, stream: str, wanted: Sequence[Envelope]) -> dict[Position, Envelope]:
    """What the store has where these events are."""
    if not wanted:
        return {}
    if stream:
        found = await store.read_stream(stream, after=wanted[0].stream_version - 1, limit=len(wanted))
        return {event.position: event for event in found}
    there: dict[Position, Envelope] = {}
    after = wanted[0].position - 1
    while after < wanted[-1].position:
        page = await store.read(after=after, limit=PAGE)
        there |= {event.position: event for event in page.events}
        if page.position <= after:
            break
        after = page.position
    return there


async def _check_lag(stores: Stores, last: Position) -> None:
    """Raises Conflict where somebody has yet to read what is to be removed."""
    places = [(f"view {build.name!r}", build.position) for build in await stores.views.builds()]
    places += [(f"reaction {name!r}", position) for name, position in (await stores.reactions.checkpoints()).items()]
    places += [(f"the relay of topic {name!r}", place) for name, place in (await stores.delivery.relays()).items()]
    for who, position in places:
        if position < last:
            raise Conflict(
                f"{who} has come to position {position}, and the last event to be removed is at {last}: run the "
                "application until it has caught up and repeat this, or give --despite-lag if nobody needs it any more"
            )


# -- back again


@dataclass
class Restored:
    """Of the events in an archive: how many were put back, and how many were in the store."""

    events: int = 0
    put_back: int = 0
    present: int = 0


async def restore(store: EventStore, found: ArchiveStore, actor: str) -> Restored:
    """Put the events of an archive back into the store that they were removed from. One that was interrupted goes on.

    Raises Conflict where the store has other events in their places, or those that follow them are gone as well.
    """
    removed = await _removed(store)
    done, stop = Restored(len(found.index)), len(found.index)
    with progress("putting back", stop) as show:
        while stop:  # from the end on, as a stream has no holes
            start = max(stop - AT_ONCE, 0)
            events = list(found.index.between(start, stop))
            await _check_same(store, found, events, removed)
            back = [event for event in events if event.stream_version <= removed.get(event.stream, 0)]
            if back:
                await store.put_back(back, actor=actor, reason=f"from {found.path}")
            for event in reversed(back):
                removed[event.stream] = event.stream_version - 1
            done.put_back += len(back)
            done.present += len(events) - len(back)
            stop = start
            show(len(found.index) - stop)
    return done

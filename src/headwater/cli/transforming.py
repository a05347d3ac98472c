"""A new store out of an old one, through a function that makes of every event what it is to be there.

The function is pure, so what an attempt left half done is gone over again and compared; nothing need be remembered.
"""

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from headwater.app import Stores
from headwater.cli.copying import (
    PAGE,
    check_not_in_use,
    compare_marks,
    compare_reactions,
    copy_marks,
    copy_reactions,
    opened_stores,
)
from headwater.cli.output import progress
from headwater.cli.pages import pages
from headwater.errors import BadInput, Conflict, HeadwaterError, HistoryIncomplete
from headwater.messages import NO_METADATA, Envelope, NewEvent, Position, Receipt, Write
from headwater.store.archive import to_line
from headwater.store.marks import all_marks, truncated
from headwater.store.port import MAX_EVENT_BYTES, EventStore, as_new, check_writes
from headwater.upcasting import part_id

OWN = "headwater."

Function = Callable[[Envelope], Iterable[NewEvent | Envelope]]
"""From an event to what follows from it in the new store, in order: new events for the same stream, which take their
id, time and metadata from it where they have none, or envelopes, whose stream counts. Pure: it is asked again."""


@dataclass
class Transformed:
    """What a transformation did: events in the source and in the target, of which so many were there from an earlier
    attempt; receipts that were carried over, and those left out, as their events are not the same in number any more.
    `sha256` is of all lines that the function's events make, and those read again from the target."""

    source: int = 0
    events: int = 0
    present: int = 0
    receipts: int = 0
    receipts_left_out: int = 0
    checkpoints: int = 0
    timers: int = 0
    sha256: str = ""


class Mapping:
    """Where what follows from each event of the source ends in the target: 16 bytes each."""

    def __init__(self) -> None:
        self._sources = array("q")
        self._ends = array("q")

    def add(self, source: Position, end: Position) -> None:
        self._sources.append(source)
        self._ends.append(end)

    def reached(self, source: Position) -> Position:
        """The target's position when the source's is worked off."""
        number = bisect_right(self._sources, source)
        return self._ends[number - 1] if number else 0

    def only(self, source: Position) -> Position:
        """The position of the one event that follows from the one there; 0 where none does, or several."""
        number = bisect_left(self._sources, source)
        before = self._ends[number - 1] if number else 0
        return self._ends[number] if self._ends[number] == before + 1 else 0


class Transformer:
    """Asks the function and gives its events their places."""

    def __init__(self, function: Function, versions: dict[str, int]) -> None:
        self._function = function
        self._versions = versions
        self.mapping = Mapping()
        self.position: Position = 0

    def apply(self, event: Envelope) -> list[Envelope]:
        """What follows from an event. Headwater's own stay what they are. Raises BadInput."""
        try:
            given = [event] if event.type.startswith(OWN) else list(self._function(event))
            made = [self._placed(event, number, each) for number, each in enumerate(given)]
        except Exception as error:
            what = str(error) if isinstance(error, HeadwaterError) else f"{type(error).__name__}: {error}"
            raise BadInput(
                f"the event at position {event.position} ({event.type}) cannot be transformed: {what}"
            ) from error
        self.mapping.add(event.position, self.position)
        return made

    def _placed(self, event: Envelope, number: int, given: NewEvent | Envelope) -> Envelope:
        if isinstance(given, Envelope):
            stream, new = given.stream, as_new(given)
        elif isinstance(given, NewEvent):
            stream, new = event.stream, given
        else:
            raise BadInput(f"the function gave a {type(given).__name__}, and is to give NewEvents or Envelopes")
        check_writes((Write(stream, [new]),), "", MAX_EVENT_BYTES)
        id = part_id(event.id, number) if new.id in ("", event.id) else new.id
        metadata = event.metadata if new.metadata == NO_METADATA else new.metadata
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        self.position += 1
        return Envelope(
            self.position, stream, version, id, new.type, new.type_version, new.data, new.time or event.time,
            tuple(new.tags), metadata,
        )  # fmt: skip


async def transform(source: str, target: str, function: Function, *, without_archived: bool = False) -> Transformed:
    """Make the store at `target` out of the one at `source`, from where an earlier attempt stopped; nobody may write to
    either meanwhile. Positions count from 1 anew; ids, times and what reactions keep are carried over. In the end the
    target is read again, and compared with what the function gave.

    Raises BadInput where the function fails, HistoryIncomplete where events were removed from the source, Conflict
    where the target holds something else, StoreError.
    """
    async with opened_stores(source, create=False) as old, opened_stores(target, create=True) as new:
        if not without_archived and (lost := await truncated(old.events)):
            raise HistoryIncomplete("the new store", lost, "give --without-archived")
        done = Transformed()
        if not await new.events.head():  # else an earlier attempt has
            await copy_marks(old.events, new.events)
        made = Transformer(
            function, {mark.stream: mark.removed async for page in all_marks(old.events) for mark in page}
        )
        await _transform_events(old.events, new.events, made, done)
        await _carry_receipts(old.events, new.events, made.mapping, done)
        await _carry_reactions(old, new, made.mapping, done)
        await compare_marks(old.events, new.events)
        await _verify(new.events, done)
        return done


async def _transform_events(old: EventStore, new: EventStore, made: Transformer, done: Transformed) -> None:
    there, digest = await new.head(), hashlib.sha256()
    with progress("transforming", await old.head()) as show:
        async for page in pages(old):
            events = [each for event in page.events for each in made.apply(event)]
            digest.update(b"".join(to_line(each) + b"\n" for each in events))
            before = [each for each in events if each.position <= there]
            await _check_there(new, before)
            await new.restore(events[len(before) :])
            done.source += len(page.events)
            done.present += len(before)
            show(page.position)
    done.events, done.sha256 = made.position, digest.hexdigest()
    if there > made.position:
        raise Conflict(f"{new.address} goes on to position {there}, and the function's events to {made.position}")


async def _check_there(new: EventStore, wanted: Sequence[Envelope]) -> None:
    """Raises Conflict unless the target holds these events."""
    for start in range(0, len(wanted), PAGE):
        part = wanted[start : start + PAGE]
        found = (await new.read(after=part[0].position - 1, limit=len(part))).events
        if list(found) != list(part):
            raise Conflict(
                f"{new.address} holds other events after position {part[0].position - 1} than the function gives: "
                "was it another function? Transform into an empty store"
            )


async def _carry_receipts(old: EventStore, new: EventStore, mapping: Mapping, done: Transformed) -> None:
    after = ""
    while page := await old.receipts(after, limit=PAGE):
        carried = [receipt for each in page if (receipt := await _carried(old, new, mapping, each))]
        await new.restore((), carried)
        done.receipts += len(carried)
        done.receipts_left_out += len(page) - len(carried)
        after = page[-1].id


async def _carried(old: EventStore, new: EventStore, mapping: Mapping, receipt: Receipt) -> Receipt | None:
    """The receipt of the same append in the target; None unless each of its events is one event there."""
    found = (await old.read(after=receipt.first - 1, limit=receipt.last - receipt.first + 1)).events
    events = [event for event in found if event.position <= receipt.last]
    if events and len(receipt.versions) == 1:  # between them may be others', who appended at the same time
        events = [event for event in events if event.stream == events[0].stream]
    versions = {event.stream: event.stream_version for event in events}
    if not events or tuple(versions.values()) != receipt.versions or events[-1].position != receipt.last:
        return None
    places = [mapping.only(event.position) for event in events]
    if not all(places):
        return None
    theirs = (await new.read(after=places[0] - 1, limit=places[-1] - places[0] + 1)).events
    ends = {event.stream: event.stream_version for event in theirs if event.position in places}
    if len(ends) != len(versions):
        return None
    return msgspec.structs.replace(receipt, first=places[0], last=places[-1], versions=tuple(ends.values()))


async def _carry_reactions(old: Stores, new: Stores, mapping: Mapping, done: Transformed) -> None:
    checkpoints = {name: mapping.reached(at) for name, at in (await old.reactions.checkpoints()).items()}
    await check_not_in_use(checkpoints, new.reactions, new.events.address)
    done.checkpoints, done.timers = await copy_reactions(checkpoints, old.reactions, new.reactions)
    await compare_reactions(checkpoints, old.reactions, new.reactions, new.events.address)


async def _verify(new: EventStore, done: Transformed) -> None:
    count, digest = 0, hashlib.sha256()
    with progress("verifying", done.events) as show:
        async for page in pages(new):
            digest.update(b"".join(to_line(event) + b"\n" for event in page.events))
            count += len(page.events)
            show(count)
    if (count, digest.hexdigest()) != (done.events, done.sha256):
        raise Conflict(
            f"{new.address} holds {count:,} events of SHA-256 {digest.hexdigest()}, and the function gave "
            f"{done.events:,} of {done.sha256}; transform into an empty store"
        )

"""Removing events: what is asked for, what stores remember of it, and what is recorded about it."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from headwater.codec import EventCatalog, event
from headwater.errors import BadInput, Conflict, UnknownType
from headwater.messages import Envelope, Metadata, Position, Write

REMOVALS = "headwater-removals"
"""The stream in which it is recorded what was removed, closed and put back."""
NAMED = 100
"""Of how many streams the record names each."""


class Cut(msgspec.Struct, frozen=True):
    """What is to be removed of a stream: its events before version `before`."""

    stream: str
    before: int


class Removed(msgspec.Struct, frozen=True):
    """What a removal did: how many events of how many streams are gone, and the position of the event that records it
    (0 where there was nothing to remove)."""

    events: int
    streams: int
    position: Position


class StreamMark(msgspec.Struct, frozen=True):
    """What a store remembers of a stream besides its events: those up to version `removed` are gone (0: none), and
    nobody may append to it where it is `closed`."""

    stream: str
    removed: int = 0
    closed: bool = False


@event("headwater.events_removed")
class EventsRemoved:
    """Somebody removed `events` events of `streams` streams; `before` names the first of these, with the version that
    each of them begins at now."""

    events: int
    streams: int
    before: dict[str, int]
    reason: str


@event("headwater.events_put_back")
class EventsPutBack:
    """Somebody put back `events` events that had been removed, of `streams` streams."""

    events: int
    streams: int
    reason: str


@event("headwater.stream_closed")
class StreamWasClosed:
    """Somebody closed a stream, at this version, for good."""

    stream: str
    version: int
    reason: str


CATALOG = EventCatalog([EventsRemoved, EventsPutBack, StreamWasClosed])


def recorded(about: object, actor: str) -> Write:
    """What is appended about it, in the transaction that does it."""
    return Write(REMOVALS, [CATALOG.encode(about, metadata=Metadata(actor=actor))])


def planned(cuts: Sequence[Cut], known: Mapping[str, tuple[int, int]]) -> list[Cut]:
    """The cuts that take something, where a stream that is there is `known` by up to which version its events are gone,
    and its version. Raises UnknownType for a stream that is not there, BadInput for one that is cut twice or further
    than it goes."""
    if len({cut.stream for cut in cuts}) < len(cuts):
        raise BadInput("a stream is cut twice in one removal; give the later version alone")
    for cut in cuts:
        if cut.stream not in known:
            raise UnknownType("stream", cut.stream)
        if cut.before - 1 > known[cut.stream][1]:
            why = f"it has {known[cut.stream][1]} events, so none of version {cut.before - 1} can be removed"
            raise BadInput(f"stream {cut.stream!r}: {why}")
    return [cut for cut in cuts if cut.before - 1 > known[cut.stream][0]]


def about_removal(cuts: Sequence[Cut], known: Mapping[str, tuple[int, int]], reason: str) -> EventsRemoved:
    """What is recorded of cuts that were `planned`."""
    events = sum(cut.before - 1 - known[cut.stream][0] for cut in cuts)
    return EventsRemoved(events, len(cuts), {cut.stream: cut.before for cut in cuts[:NAMED]}, reason)


def check_closable(stream: str) -> None:
    """Raises BadInput for the stream in which closing is recorded."""
    if stream == REMOVALS:
        raise BadInput(f"stream {stream!r} is where removals are recorded, and stays open")


def check_mark(mark: StreamMark, removed: int, version: int) -> None:
    """Raises Conflict where a stream whose events are gone up to `removed`, and which is at `version`, cannot have this
    mark: it has events that would have to be gone, or lacks some that would have to be there."""
    if mark.removed != removed and version:
        raise Conflict(
            f"stream {mark.stream!r} has its events after version {removed} here, and those after {mark.removed} "
            "there: these are two histories"
        )


def check_put_back(events: Sequence[Envelope], removed: Mapping[str, int], head: Position) -> dict[str, int]:
    """Up to which version the events of each stream are gone once these are back. Raises Conflict unless they are, in
    order, the last that are gone of each of their streams."""
    left: dict[str, int] = {}
    above = head + 1
    for each in reversed(events):
        gone = left.get(each.stream, removed.get(each.stream, 0))
        if each.stream_version != gone or not gone:
            raise Conflict(
                f"version {each.stream_version} of stream {each.stream!r} cannot be put back: of that, "
                + (f"events up to version {gone} are gone" if gone else "nothing is gone")
            )
        if each.position >= above:
            raise Conflict(f"position {each.position} comes before {above}: these events are of another store")
        left[each.stream], above = gone - 1, each.position
    return left


def taken(positions: Iterable[Position]) -> Conflict:
    """The error for events that are to be put back where others are."""
    return Conflict(f"position {min(positions)} is not free: these events are of another store")


def about_putting_back(events: Sequence[Envelope], reason: str) -> EventsPutBack:
    """What is recorded of events that are put back."""
    return EventsPutBack(len(events), len({each.stream for each in events}), reason)

"""What a store means, in plain lists: the laws compare adapters with this."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headwater.errors import ConditionFailed, HeadwaterError, IdReused, StreamClosed, WrongExpectedVersion
from headwater.messages import Appended, Condition, Envelope, NewEvent, Query, Write

Refusal = type[HeadwaterError]


@dataclass(frozen=True)
class Append:
    """One append, as it is asked for."""

    writes: tuple[Write, ...]
    condition: Condition | None = None
    id: str = ""
    fingerprint: str = ""

    @property
    def events(self) -> list[tuple[str, NewEvent]]:
        """Its events with their streams, in the order in which they are recorded."""
        return [(write.stream, event) for write in self.writes for event in write.events]


@dataclass
class Model:
    """All events of a store, up to which version those of each stream are gone, the streams that are closed, and the
    appends that had ids."""

    events: list[Envelope] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    appends: dict[str, tuple[Appended, str]] = field(default_factory=dict)

    @property
    def head(self) -> int:
        return self.events[-1].position if self.events else 0

    def stream(self, name: str) -> list[Envelope]:
        return [event for event in self.events if event.stream == name]

    def version(self, name: str) -> int:
        return self.removed.get(name, 0) + len(self.stream(name))

    def remove(self, name: str, before: int) -> list[Envelope]:
        """What goes."""
        gone = [event for event in self.stream(name) if event.stream_version < before]
        self.events = [event for event in self.events if event not in gone]
        self.removed[name] = max(before - 1, self.removed.get(name, 0))
        return gone

    def find(self, query: Query, after: int = 0) -> list[Envelope]:
        return [event for event in self.events if event.position > after and query.matches(event.type, event.tags)]

    def refusals(self, append: Append) -> set[Refusal]:
        """Every reason to refuse an append now; none: it goes through."""
        if append.id in self.appends:
            known = self.appends[append.id][1]
            return {IdReused} if known and append.fingerprint and known != append.fingerprint else set()
        found: set[Refusal] = set()
        if any(w.expected is not None and w.expected != self.version(w.stream) for w in append.writes):
            found.add(WrongExpectedVersion)
        if any(write.stream in self.closed for write in append.writes):
            found.add(StreamClosed)
        if append.condition and self.find(append.condition.query, append.condition.after):
            found.add(ConditionFailed)
        return found

    def repeated(self, append: Append) -> Appended | None:
        """The first result of an append with the same id."""
        if append.id not in self.appends:
            return None
        first = self.appends[append.id][0]
        return Appended(first.first, first.last, first.versions, repeated=True)

    def record(self, append: Append, done: Appended, recorded: Sequence[Envelope]) -> None:
        """Take in what a store made of an append that it let through. Raises AssertionError where that is wrong."""
        assert [(e.stream, e.type, e.type_version, e.data, e.tags) for e in recorded] == [
            (stream, e.type, e.type_version, e.data, e.tags) for stream, e in append.events
        ]
        for event in recorded:
            assert event.position > self.head, "positions rise strictly"
            assert event.stream_version == self.version(event.stream) + 1, "versions count up by one"
            self.events.append(event)
        assert (done.first, done.last) == (recorded[0].position, recorded[-1].position)
        assert done.versions == tuple(self.version(write.stream) for write in append.writes)
        assert not done.repeated
        if append.id:
            self.appends[append.id] = done, append.fingerprint

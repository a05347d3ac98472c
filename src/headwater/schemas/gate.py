"""The gate: what a change of the code breaks, against a snapshot of what was there before."""

from collections.abc import Iterator
from typing import Any

import msgspec

from headwater.codec import EventCatalog
from headwater.fold import App
from headwater.messages import Kind
from headwater.schemas.comparing import Direction, compare
from headwater.schemas.modes import Mode
from headwater.schemas.places import Break, Rule
from headwater.schemas.reading import read
from headwater.schemas.snapshot import Application, Compatibility, Event, Json, Snapshot, Version
from headwater.schemas.taking import taken
from headwater.schemas.upcast import breaks_today
from headwater.schemas.wording import mended, said


class Finding(msgspec.Struct, frozen=True):
    """Something that breaks, in plain words. `version` is that of the event which is not read; `consumers` are those
    who break ("view sales", of another application "billing: consumer invoices"); `mend` says what can be done."""

    type: str
    version: int
    mode: Mode
    direction: Direction
    rule: Rule
    field: str
    message: str
    mend: str
    consumers: tuple[str, ...]
    example: Any = None


def check(app: App, snapshot: Snapshot, compatibility: Compatibility | None = None) -> list[Finding]:
    """What the code of an application breaks, in the order of event types and versions; nothing, where all is well.

    `compatibility` is asked for instead of what the snapshot asks for. Raises MalformedData for a snapshot that holds
    what are no schemas.
    """
    gate = _Gate(app, snapshot, compatibility or snapshot.compatibility)
    return [finding for type in gate.types for finding in gate.look_at(type)]


class _Gate:
    def __init__(self, app: App, snapshot: Snapshot, compatibility: Compatibility) -> None:
        self._events: EventCatalog = app.events
        self._new = taken(app)
        self._old = snapshot.apps.get(app.name, Application())
        self._others = {name: each for name, each in snapshot.apps.items() if name != app.name}
        self._compatibility = compatibility
        self.types = sorted({*self._new.events, *self._old.events})

    def look_at(self, type: str) -> Iterator[Finding]:
        old, new = self._old.events.get(type, Event()), self._new.events.get(type, Event())
        mode = self._compatibility.of(type, published=bool(old.topics or new.topics))
        if Direction.BACKWARD in mode.directions:
            yield from self._backward(type, old, new, mode)
        if Direction.FORWARD in mode.directions:
            yield from self._forward(type, old, new, mode)
        if mode is not Mode.NONE:
            yield from self._others_read(type, new, mode)
            yield from self._others_wrote(type, new, mode)

    def _backward(self, type: str, old: Event, new: Event, mode: Mode) -> Iterator[Finding]:
        for number, version in sorted(old.versions.items()):
            if mode.transitive or number == old.current:
                found = (breaks_today(self._events, Kind(type, number), each) for each in _schemas(version, mode))
                consumers = new.consumers or old.consumers
                yield from self._findings(type, number, mode, Direction.BACKWARD, _first(found), version, consumers)

    def _forward(self, type: str, old: Event, new: Event, mode: Mode) -> Iterator[Finding]:
        if old.current is None:
            return
        for number, version in sorted(new.versions.items()):
            if version.becomes is not None or version.schema is None:
                continue
            before = old.versions.get(number)
            if before is None or before.becomes is not None:
                found = [Break((), Rule.UNKNOWN, f"version {number}", f"version {old.current}")]
            else:
                written = read(version.schema)
                found = _first(compare(written, read(each)) for each in _schemas(before, mode))
            yield from self._findings(type, number, mode, Direction.FORWARD, found, version, old.consumers)

    def _others_read(self, type: str, new: Event, mode: Mode) -> Iterator[Finding]:
        """What other applications of the snapshot do not read any more."""
        if new.producers and new.current is not None:
            version = new.versions[new.current]
            for name, other in self._others.items():
                event = other.events.get(type, Event())
                if event.producers or not event.consumers or version.schema is None:
                    continue
                found = _read_by(event, type, new.current, version.schema)
                consumers = tuple(f"{name}: {each}" for each in event.consumers)
                yield from self._findings(type, new.current, mode, Direction.FORWARD, found, version, consumers)

    def _others_wrote(self, type: str, new: Event, mode: Mode) -> Iterator[Finding]:
        """What this application does not read of what others of the snapshot write."""
        if new.producers or not new.consumers:
            return
        for other in self._others.values():
            event = other.events.get(type, Event())
            if event.producers and event.current is not None:
                version = event.versions[event.current]
                if version.schema is not None:
                    found = breaks_today(self._events, Kind(type, event.current), version.schema)
                    direction = Direction.BACKWARD
                    yield from self._findings(type, event.current, mode, direction, found, version, new.consumers)

    def _findings(
        self, type: str, number: int, mode: Mode, direction: Direction, found: list[Break], old: Version,
        consumers: tuple[str, ...],
    ) -> Iterator[Finding]:  # fmt: skip
        for each in found:
            yield Finding(
                type, number, mode, direction, each.rule, each.where, said(Kind(type, number), each, direction),
                mended(self._events, Kind(type, number), each, mode, direction, old.schema, found), consumers,
                None if each.example is msgspec.UNSET else each.example,
            )  # fmt: skip


def _read_by(reader: Event, type: str, number: int, written: Json) -> list[Break]:
    """What breaks for those who know an event by a class of their own."""
    known = reader.versions.get(number)
    if known is None:
        return [Break((), Rule.UNKNOWN, f"version {number}", f"version {reader.current}")]
    return [] if known.becomes is not None or known.schema is None else compare(read(written), read(known.schema))


def _schemas(version: Version, mode: Mode) -> list[Json]:
    """The schemas that count, the last one first."""
    last = [] if version.schema is None else [version.schema]
    return last + list(reversed(version.earlier)) if mode.transitive else last


def _first(found: Any) -> list[Break]:
    """Of several schemas of a version, what breaks first: the rest mostly says the same again."""
    return next((breaks for breaks in found if breaks), [])

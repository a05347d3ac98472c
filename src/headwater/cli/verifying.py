"""Reading a whole store again to see that it is sound."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from headwater.cli.output import progress
from headwater.cli.pages import pages
from headwater.cloudevents import is_json
from headwater.messages import Envelope, Position
from headwater.store.marks import all_marks
from headwater.store.port import EventStore

MAX_PROBLEMS = 100


@dataclass
class Findings:
    """What was read, and what is wrong with it (the first of it)."""

    events: int = 0
    position: Position = 0
    types: Counter[str] = field(default_factory=Counter)
    streams: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def facts(self) -> dict[str, Any]:
        types = dict(sorted(self.types.items()))
        return {
            "sound": not self.problems, "events": self.events, "streams": len(self.streams), "position": self.position,
            "types": types, "problems": self.problems,
        }  # fmt: skip


async def verify(store: EventStore) -> Findings:
    """Read every event: positions grow, versions of a stream follow each other, data is JSON; then the files. A stream
    of which events were removed begins behind them."""
    found = Findings(removed=await _removed(store))

    def note_damage(position: Position, why: str) -> None:
        found.add(f"position {position} cannot be read: {why}")

    with progress("verifying", await store.head()) as show:
        async for page in pages(store, on_damage=note_damage):
            for event in page.events:
                _look_at(event, found)
            found.position = page.position
            show(found.position)
    for problem in await store.check():
        found.add(problem)
    return found


async def _removed(store: EventStore) -> dict[str, int]:
    return {mark.stream: mark.removed async for page in all_marks(store) for mark in page}


def _look_at(event: Envelope, found: Findings) -> None:
    where = f"position {event.position} ({event.type} in stream {event.stream!r})"
    version = found.streams.get(event.stream) or found.removed.get(event.stream, 0)
    if event.stream_version != version + 1:
        found.add(f"{where}: stream version {event.stream_version} comes after {version}")
    if not is_json(event.data):
        found.add(f"{where}: its data is not JSON")
    found.events += 1
    found.types[f"{event.type} v{event.type_version}"] += 1
    found.streams[event.stream] = event.stream_version

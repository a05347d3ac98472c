"""A snapshot of schemas: what the file in a user's repository holds, of one application or of several.

It is made to be read in diffs: events in the order of their names, versions in that of their numbers, fields in that of
the class. What the code no longer has stays in it, as long as it may be stored: versions that are upcast, and earlier
schemas of a version, which had fewer fields.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from headwater.errors import MalformedData
from headwater.schemas.modes import Mode

Json = dict[str, Any]

FORMAT = "headwater-schemas-1"


class Version(msgspec.Struct, frozen=True, omit_defaults=True):
    """A version of an event type. `schema` is None where only upcasters know it. `becomes`: what upcasters make of it
    ("order.placed 2"), None where a class reads it as it is. `earlier`: schemas that it had before."""

    schema: Json | None = None
    becomes: tuple[str, ...] | None = None
    earlier: tuple[Json, ...] = ()


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event type in an application. `topics` carry it; `producers` and `consumers` are the application's parts that
    make and that take it ("decider orders"). `versions` by number."""

    owner: str = ""
    topics: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    versions: Mapping[int, Version] = {}

    @property
    def current(self) -> int | None:
        """The last version that a class reads."""
        return max((number for number, each in self.versions.items() if each.becomes is None), default=None)


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command type in an application."""

    decider: str
    schema: Json


class Application(msgspec.Struct, frozen=True, omit_defaults=True):
    """The schemas of one application."""

    events: Mapping[str, Event] = {}
    commands: Mapping[str, Command] = {}


class Compatibility(msgspec.Struct, frozen=True):
    """The modes that are asked for: of what is only stored, of what topics carry, and of single types."""

    stored: Mode = Mode.BACKWARD_TRANSITIVE
    published: Mode = Mode.FULL_TRANSITIVE
    types: Mapping[str, Mode] = {}

    def of(self, type: str, *, published: bool) -> Mode:
        """The mode of a type."""
        return self.types.get(type) or (self.published if published else self.stored)


class Snapshot(msgspec.Struct, frozen=True):
    """The whole file."""

    format: str = FORMAT
    compatibility: Compatibility = Compatibility()
    apps: Mapping[str, Application] = {}


_decode = msgspec.json.Decoder(Snapshot).decode


def load(data: bytes) -> Snapshot:
    """What a file holds. Raises MalformedData."""
    try:
        found = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedData("snapshot of schemas", str(error)) from error
    if found.format != FORMAT:
        raise MalformedData("snapshot of schemas", f"its format is {found.format!r}; this Headwater knows {FORMAT!r}")
    return found


def dump(snapshot: Snapshot) -> bytes:
    """The file of a snapshot; the same one for the same snapshot, whatever its order."""
    apps = {name: _ordered(app) for name, app in sorted(snapshot.apps.items())}
    text = msgspec.json.encode(msgspec.structs.replace(snapshot, apps=apps))
    return msgspec.json.format(text, indent=2) + b"\n"


def _ordered(app: Application) -> Application:
    events = {
        name: msgspec.structs.replace(each, versions=dict(sorted(each.versions.items())))
        for name, each in sorted(app.events.items())
    }
    return Application(events, dict(sorted(app.commands.items())))

"""Taking the snapshot of an application, and joining it with the one that there was."""

from collections.abc import Iterable

from headwater.codec import about, command_name, kind_of
from headwater.fold import App
from headwater.messages import Kind
from headwater.schemas.describing import schema_of
from headwater.schemas.examples import example_of
from headwater.schemas.reading import read
from headwater.schemas.snapshot import Application, Command, Event, Json, Version


def taken(app: App) -> Application:
    """The schemas of an application as its code has them. Raises DeclarationError for an example that is none."""
    types = {kind.type for kind in (*app.events.types, *app.events.chains.kinds)}
    commands = {command_name(cls): Command(decider.name, schema_of(cls)) for cls, decider in app.decider_of.items()}
    return Application({type: _event(app, type) for type in sorted(types)}, commands)


def _event(app: App, type: str) -> Event:
    known = {kind: cls for kind, cls in app.events.types.items() if kind.type == type}
    versions = {kind.version: Version(_with_example(cls)) for kind, cls in known.items()}
    versions |= {kind.version: _upcast(app, kind) for kind in app.events.chains.kinds if kind.type == type}
    owners = [about(cls).owner for _, cls in sorted(known.items())]
    return Event(
        next((owner for owner in reversed(owners) if owner), ""),
        tuple(sorted(topics_of(app, type))),
        tuple(producers_of(app, type)),
        tuple(consumers_of(app, type)),
        dict(sorted(versions.items())),
    )


def _with_example(cls: type) -> Json:
    example = example_of(cls) if about(cls).example is not None else None
    return schema_of(cls) | ({"examples": [example.value]} if example else {})


def _upcast(app: App, kind: Kind) -> Version:
    """Of a version that is upcast by plain steps it is known what it looked like."""
    shape = app.events.shapes.get(kind)
    becomes = (f"{end.type} {end.version}" for end in sorted(app.events.chains.ends(kind)))
    return Version(None if shape is None else _renamed_back(schema_of(shape.struct), kind), tuple(becomes))


def _renamed_back(schema: Json, kind: Kind) -> Json:
    """The struct of a shape is made up: it bears names for what came from nowhere, and a title of its own."""
    properties = {name: each for name, each in schema["properties"].items() if name.isprintable()}
    required = [name for name in schema["required"] if name in properties]
    found = schema | {"title": f"{kind.type} {kind.version}", "properties": properties, "required": required}
    return {word: value for word, value in found.items() if word != "description"}


def topics_of(app: App, type: str) -> list[str]:
    """The topics that carry events of a type, as far as the application says: by relaying or consuming them."""
    relayed = [topic.name for topic in app.topics if type in _types(topic.events)]
    return list(dict.fromkeys([*relayed, *(each.topic for each in app.consumers if type in _types(each.events))]))


def producers_of(app: App, type: str) -> list[str]:
    """The parts that make events of a type."""
    deciders = [f"decider {each.name}" for each in app.deciders if type in _types(each.events)]
    return deciders + [f"relay {each.name}" for each in app.topics if type in _types(each.events)]


def consumers_of(app: App, type: str) -> list[str]:
    """The parts that take events of a type, and break with them."""
    named = [
        *(("decider", each.name, each.events) for each in app.deciders),
        *(("view", each.name, each.events) for each in app.views),
        *(("reaction", each.name, each.events) for each in app.reactions),
        *(("consumer", each.name, each.events) for each in app.consumers),
    ]
    return [f"{what} {name}" for what, name, classes in named if type in _types(classes)]


def _types(classes: Iterable[type]) -> set[str]:
    return {kind_of(cls).type for cls in classes}


def joined(old: Application | None, new: Application) -> Application:
    """The new snapshot, with what the old one alone knows: versions that are gone, and what a version was before."""
    if old is None:
        return new
    events = dict(old.events)
    for type, event in new.events.items():
        events[type] = _joined(old.events.get(type, Event()), event)
    return Application(events, new.commands)


def _joined(old: Event, new: Event) -> Event:
    versions = dict(old.versions)
    for number, version in new.versions.items():
        versions[number] = _version(old.versions.get(number), version)
    return Event(new.owner, new.topics, new.producers, new.consumers, versions)


def _version(old: Version | None, new: Version) -> Version:
    if old is None or old.schema is None:
        return new if old is None else Version(new.schema, new.becomes, old.earlier)
    if new.becomes is not None:  # what it really was is known better from before
        return Version(old.schema, new.becomes, old.earlier)
    known = [] if new.schema is None else [read(new.schema)]
    before: list[Json] = []
    for each in (*old.earlier, old.schema):
        if read(each) not in known:
            known.append(read(each))
            before.append(each)
    return Version(new.schema, None, tuple(before))

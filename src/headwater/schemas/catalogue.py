"""The catalogue of an application's events, for people: what there is, who makes and takes it, what is in it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from headwater.codec import about, kind_of
from headwater.fold import App
from headwater.messages import Kind
from headwater.schemas.describing import schema_of
from headwater.schemas.examples import example_of
from headwater.schemas.reading import read
from headwater.schemas.taking import consumers_of, producers_of, topics_of
from headwater.schemas.telling import told

Json = dict[str, Any]


class Row(msgspec.Struct, frozen=True):
    """A field: `name` with those that it is in ("lines[].price"), `form` in plain words; who may see it."""

    name: str
    form: str
    required: bool
    description: str = ""
    classification: str = ""


class Entry(msgspec.Struct, frozen=True):
    """An event type as its last class has it. `becomes` says of older versions what upcasters make of them."""

    type: str
    version: int
    title: str
    description: str
    owner: str
    topics: list[str]
    producers: list[str]
    consumers: list[str]
    fields: list[Row]
    becomes: dict[str, list[str]]
    example: Any = None
    example_declared: bool = False

    @property
    def classifications(self) -> list[str]:
        """The classifications of its fields, each once."""
        return sorted({row.classification for row in self.fields if row.classification})


def catalogue(app: App) -> list[Entry]:
    """All event types in the order of their names. Raises DeclarationError for a declared example that is none."""
    last: dict[str, type] = {}
    for kind, cls in sorted(app.events.types.items(), key=lambda item: item[0]):
        last[kind.type] = cls
    retired = {kind.type for kind in app.events.chains.kinds} - last.keys()
    return sorted([*(_entry(app, cls) for cls in last.values()), *(_gone(app, type) for type in retired)],
                  key=lambda entry: entry.type)  # fmt: skip


def _entry(app: App, cls: type) -> Entry:
    kind, schema, example = kind_of(cls), schema_of(cls), example_of(cls)
    return Entry(
        kind.type, kind.version, cls.__name__, schema.get("description", ""), about(cls).owner,
        topics_of(app, kind.type), producers_of(app, kind.type), consumers_of(app, kind.type),
        list(_rows(schema, schema)), _becomes(app, kind.type),
        None if example is None else example.value, example is not None and example.declared,
    )  # fmt: skip


def _gone(app: App, type: str) -> Entry:
    """A type that upcasters alone know."""
    last = max(kind.version for kind in app.events.chains.kinds if kind.type == type)
    said = "There are no new events of this type."
    return Entry(type, last, "", said, "", [], [], consumers_of(app, type), [], _becomes(app, type))


def _becomes(app: App, type: str) -> dict[str, list[str]]:
    chains = app.events.chains
    versions = sorted(kind.version for kind in chains.kinds if kind.type == type)
    return {
        str(version): [f"{end.type} {end.version}" for end in sorted(chains.ends(Kind(type, version)))]
        for version in versions
    }


def _rows(whole: Json, schema: Json, name: str = "", seen: tuple[str, ...] = ()) -> Iterator[Row]:
    named = whole.get("$defs", {})
    for field, each in schema.get("properties", {}).items():
        path = f"{name}.{field}".removeprefix(".")
        shape = read(each | {"$defs": named})
        required, said = field in schema.get("required", ()), each.get("description", "")
        yield Row(path, told(shape.forms, shape), required, said, each.get("x-classification", ""))
        for suffix, ref in _parts(each):
            if ref not in seen:
                yield from _rows(whole, named[ref], path + suffix, (*seen, ref))


def _parts(schema: Json) -> Iterator[tuple[str, str]]:
    """The classes in a field, with what stands between: "[]" for a list's."""
    if "$ref" in schema:
        yield "", schema["$ref"].rpartition("/")[2]
    for each in schema.get("anyOf", ()):
        yield from _parts(each)
    for word, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(word), dict):
            yield from ((suffix + more, ref) for more, ref in _parts(schema[word]))


def as_markdown(app: App, entries: list[Entry]) -> str:
    """The catalogue as a Markdown document."""
    lines = [f"# Events of {app.name}", ""]
    for each in entries:
        lines += [f"## {each.type} (version {each.version})", ""]
        lines += [each.description, ""] if each.description else []
        lines += [f"- {name}: {value}" for name, value in facts(each)] + [""]
        if each.fields:
            lines += ["| field | what it is | required | classification | |", "|---|---|---|---|---|"]
            lines += [
                f"| `{row.name}` | {_cell(row.form)} | {'yes' if row.required else 'no'} | {row.classification} | "
                f"{_cell(row.description)} |"
                for row in each.fields
            ]
            lines.append("")
        if each.example is not None:
            lines += ["```json", pretty(each.example), "```", ""]
    return "\n".join(lines)


def facts(entry: Entry) -> list[tuple[str, str]]:
    """What is known of an event type beside its fields, as names and values."""
    found = [
        ("owner", entry.owner), ("made by", ", ".join(entry.producers)), ("taken by", ", ".join(entry.consumers)),
        ("topics", ", ".join(entry.topics)), ("classification", ", ".join(entry.classifications)),
    ]  # fmt: skip
    found += [
        (f"version {version}", f"becomes {', '.join(ends)}" if ends else "means nothing any more")
        for version, ends in entry.becomes.items()
    ]
    return [(name, value) for name, value in found if value]


def pretty(value: Any) -> str:
    """A value as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

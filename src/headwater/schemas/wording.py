"""What the gate says: what breaks, and how to mend it."""

from collections.abc import Sequence

from headwater.codec import EventCatalog
from headwater.messages import Kind
from headwater.schemas.comparing import Direction, compare
from headwater.schemas.describing import schema_of
from headwater.schemas.forms import Fields, Shape
from headwater.schemas.modes import Mode
from headwater.schemas.places import Break, Rule
from headwater.schemas.reading import read
from headwater.schemas.snapshot import Json


def said(kind: Kind, found: Break, direction: Direction) -> str:
    """What breaks, as a sentence."""
    if direction is Direction.BACKWARD:
        return f"{kind.type}: {_backward(found, f'events of version {kind.version} that are stored')}"
    return f"{kind.type}: {_forward(found, kind)}"


def _backward(found: Break, events: str) -> str:
    field = f"field `{found.where}`" if found.path else "the event"
    match found.rule:
        case Rule.MISSING:
            often = "do not have it" if found.written == "nothing" else "may lack it"
            return f"{field} is needed now, and {events} {often}"
        case Rule.UNKNOWN if not found.path:
            return f"{events} are known to nothing in the code any more"
        case Rule.UNKNOWN:
            return f"{field} is in {events}, and is refused as unknown"
        case Rule.COUNT:
            return f"{field} has {found.written} items in {events}, and may have {found.read}"
        case Rule.KEYS:
            return f"the keys of {field} are {found.written} in {events}, and are read as {found.read}"
        case Rule.VALUE:
            return f"{field} is {found.written} in {events}, and is read as {found.read}"


def _forward(found: Break, kind: Kind) -> str:
    field = f"field `{found.where}`" if found.path else "the event"
    match found.rule:
        case Rule.MISSING:
            often = "is not written any more" if found.written == "nothing" else "is not always written any more"
            return f"{field} {often}, and those who read events of version {kind.version} so far need it"
        case Rule.UNKNOWN if not found.path:
            return f"{found.written} is new, and those who know {found.read} cannot read it"
        case Rule.UNKNOWN:
            return f"{field} is new, and those who read such events so far refuse it as unknown"
        case Rule.COUNT:
            return f"{field} has {found.written} items from now on, and is read so far with {found.read}"
        case Rule.KEYS:
            return f"the keys of {field} are {found.written} from now on, and are read so far as {found.read}"
        case Rule.VALUE:
            return f"{field} is {found.written} from now on, and is read so far as {found.read}"


def mended(
    events: EventCatalog, kind: Kind, found: Break, mode: Mode, direction: Direction, old: Json | None,
    all: Sequence[Break],
) -> str:  # fmt: skip
    """What can be done about it. `old` is the schema that the events were written by; `all` that breaks with it."""
    if direction is Direction.FORWARD:
        return _keep(found, direction)
    if Direction.FORWARD in mode.directions and found.path and kind in events.types:
        # Those who read it so far would not know another version.
        return f"give `{found.where}` a default" if found.rule is Rule.MISSING else _keep(found, direction)
    if not found.path and found.rule is Rule.UNKNOWN:
        return _known(events, kind)
    step = _step(events, kind, found, old, all)
    if kind in events.chains:
        return f"change the upcaster of version {kind.version}, so that it has {step}"
    last = max((each.version for each in events.types if each.type == kind.type), default=kind.version)
    default = found.rule is Rule.MISSING and not step.startswith("renamed(")
    raised = f"raise the version to {last + 1} and add upcast({kind.type!r}, {kind.version}, {step})"
    return f"give it a default, or {raised}" if default else raised


def _known(events: EventCatalog, kind: Kind) -> str:
    later = [each.version for each in events.types if each.type == kind.type and each.version > kind.version]
    target = "" if later else ", to=Kind(…)"
    return (
        f"add upcast({kind.type!r}, {kind.version}, …{target}), which says what it is today, or "
        f"retired({kind.type!r}, {kind.version}) if it means nothing any more"
    )


def _keep(found: Break, direction: Direction) -> str:
    if not found.path and found.rule is Rule.UNKNOWN:
        return (
            "publish it as an event type of another name, beside this one, until all consumers know it; or, once they "
            "do, accept it with `headwater schema snapshot --force`"
        )
    if found.rule is Rule.MISSING:
        return f"go on writing `{found.where}` until nobody reads it"
    if found.rule is Rule.UNKNOWN and direction is Direction.FORWARD:
        return "let the consumers ignore fields that they do not know, before it is written"
    return f"leave `{found.where or 'it'}` as it was, and say what is new in a field beside it, which has a default"


def _step(events: EventCatalog, kind: Kind, found: Break, old: Json | None, all: Sequence[Break]) -> str:
    field = found.path[0] if found.path else "…"
    if found.rule is Rule.MISSING and len(found.path) == 1:
        before = _former(events, kind, field, old, all)
        return f"renamed({before!r}, {field!r})" if before else f"with_default({field!r}, …)"
    if found.rule is Rule.UNKNOWN and len(found.path) == 1:
        return f"dropped({field!r})"
    return f"derived({field!r}, lambda data: …)"


def _former(events: EventCatalog, kind: Kind, field: str, old: Json | None, all: Sequence[Break]) -> str:
    """The field of the old schema that may have become this one: gone, and of the same form. Empty if there is not just
    one, or it may have become another one as well."""
    cls = events.types.get(kind)
    if old is None or cls is None:
        return ""
    before, now = read(old), read(schema_of(cls))
    had, has = _fields(before), _fields(now)
    missing = [each.path[0] for each in all if each.rule is Rule.MISSING and len(each.path) == 1]

    def fits(name: str, target: str) -> bool:
        written, reader = had.fields[name].forms, has.fields[target].forms
        return not compare(Shape(written, before.named), Shape(reader, now.named))

    gone = [name for name in had.fields if name not in has.fields and fits(name, field)]
    rivals = [each for each in missing if each != field and gone and each in has.fields and fits(gone[0], each)]
    return gone[0] if len(gone) == 1 and not rivals else ""


def _fields(shape: Shape) -> Fields:
    found = next(shape.resolved(shape.forms), None)
    return found if isinstance(found, Fields) else Fields({})

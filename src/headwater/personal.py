"""Personal data: which fields of an event hold it, and of whom.

    @event("customer.registered")
    class Registered:
        customer_id: Annotated[str, Subject()]
        email: Annotated[str, Personal()]
        phone: Annotated[str | None, Personal()] = None
        address: Annotated[Address, Personal(forgotten=Address("", ""))] = ...

Such a field is stored encrypted with a key of its subject. Once that key is destroyed the field reads as `forgotten`.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from headwater.errors import DeclarationError

UNSAID: Any = object()
FORGOTTEN = "[forgotten]"
SEQUENCES = list, tuple, set, frozenset, Sequence, Set
MAPPINGS = dict, Mapping


@dataclass(frozen=True)
class Personal:
    """The field is personal data of its subject. When the subject is forgotten it reads as `forgotten`: unless told,
    None where the field's type takes that, "[forgotten]" where it takes text."""

    forgotten: Any = UNSAID


@dataclass(frozen=True)
class Subject:
    """The field (a str, int or UUID) names the person whose the personal data beside it is; and that in structs which
    the event holds, as far as those do not name one of their own."""


@dataclass
class Plan:
    """Where a JSON object has personal data: `sealed` maps the names of fields to what they read once forgotten (JSON),
    `nested` those that lead to more of it. `subject` is the name of the field that names the subject; None: whoever
    holds the object says it. `each`: it is an object of any names, and this holds for all of its values.
    """

    what: str
    subject: str | None = None
    sealed: dict[str, bytes] = field(default_factory=dict)
    nested: dict[str, "Plan"] = field(default_factory=dict)
    each: "Plan | None" = None


@cache
def plan_of(cls: type) -> Plan | None:
    """The plan of an event class; None where it holds no personal data. Raises DeclarationError for personal data that
    has no subject, stands where it cannot be found, or reads as nothing once forgotten."""
    if not _holds(cls):
        return None
    found = _plan(cls, {})
    _check_subjects(found, False, [])
    return found


class _Member:
    """A field of a class: its type, and what it is marked as."""

    def __init__(self, name: str, annotation: Any) -> None:
        marks = list(_marks(annotation))
        self.name = name
        self.type = annotation
        self.personal = next((each for each in marks if isinstance(each, Personal)), None)
        self.subject = any(isinstance(each, Subject) for each in marks)


def _plan(cls: type, known: dict[type, Plan]) -> Plan:
    if cls in known:  # a class that holds itself
        return known[cls]
    made = known[cls] = Plan(cls.__qualname__)
    if not _is_record(cls) or getattr(getattr(cls, "__struct_config__", None), "array_like", False):
        raise DeclarationError(f"{cls.__qualname__} has personal fields: it must be a class that becomes a JSON object")
    for member in _members(cls):
        what = f"field {member.name!r} of {cls.__qualname__}"
        if member.subject:
            if made.subject is not None or member.personal:
                raise DeclarationError(f"{what}: one field names the subject, and is not personal itself")
            if _bare(member.type) not in (str, int, UUID):
                raise DeclarationError(f"{what} names a subject: it must be a str, int or UUID")
            made.subject = member.name
        elif member.personal:
            made.sealed[member.name] = _replacement(member.personal, member.type, what)
        elif _holds(member.type):
            made.nested[member.name] = _nested(member.type, what, known)
    return made


def _nested(annotation: Any, what: str, known: dict[type, Plan]) -> Plan:
    """The plan of what a field's type leads to."""
    bare = _bare(annotation)
    origin, arguments = get_origin(bare), get_args(bare)
    if any(isinstance(each, Personal) for each in _marks(annotation)):
        pass  # within a field's type it would not be seen
    elif origin in (Union, UnionType):
        holding = [each for each in arguments if _holds(each)]
        if len(holding) == 1 and all(each in (*holding, NoneType) for each in arguments):
            return _nested(holding[0], what, known)
    elif origin in SEQUENCES:
        holding = [each for each in arguments if each is not Ellipsis]
        if len(holding) == 1:
            return _nested(holding[0], what, known)
    elif origin in MAPPINGS:
        if not _holds(arguments[0]):
            return Plan(what, each=_nested(arguments[1], what, known))
    elif isinstance(bare, type) and origin is None:
        return _plan(bare, known)
    raise DeclarationError(
        f"{what}: personal data in it would not be found. Mark the whole field by Annotated[…, Personal()], or let it "
        "be a struct (or None), a list of structs, or a dict to structs that mark theirs"
    )


def _replacement(personal: Personal, annotation: Any, what: str) -> bytes:
    decode = msgspec.json.Decoder(annotation).decode
    tried = (None, FORGOTTEN) if personal.forgotten is UNSAID else (personal.forgotten,)
    for value in tried:
        text = msgspec.json.encode(value)
        try:
            decode(text)
        except msgspec.ValidationError:
            continue
        return text
    if personal.forgotten is UNSAID:
        raise DeclarationError(f"{what}: say what it reads once forgotten, by Personal(forgotten=…)")
    raise DeclarationError(f"{what}: what it reads once forgotten is not of its type: {personal.forgotten!r}")


def _check_subjects(plan: Plan, given: bool, seen: list[Plan]) -> None:
    if any(each is plan for each in seen):
        return
    given |= plan.subject is not None
    if plan.sealed and not given:
        raise DeclarationError(
            f"{plan.what} has personal fields, but whose? Mark the field that names the person by "
            "Annotated[str, Subject()]"
        )
    for each in (*plan.nested.values(), *([plan.each] if plan.each else ())):
        _check_subjects(each, given, [*seen, plan])


# -- types


def _holds(annotation: Any) -> bool:
    """Whether there is a mark of personal data anywhere in a type."""
    return _finds(annotation, set())


def _finds(annotation: Any, seen: set[Any]) -> bool:
    if isinstance(annotation, Personal) or annotation is Personal:
        return True
    if hasattr(annotation, "__value__"):  # `type X = …` of Python 3.12
        return _finds(annotation.__value__, seen)
    if get_origin(annotation) is not None:
        parts = (*get_args(annotation), get_origin(annotation))
        return any(_finds(each, seen) for each in parts)
    if not isinstance(annotation, type) or annotation in seen:
        return False
    seen.add(annotation)
    return any(_finds(each, seen) for each in _annotations(annotation))


def _bare(annotation: Any) -> Any:
    """A type without what it is marked as."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        else:
            return annotation


def _marks(annotation: Any) -> Iterator[Any]:
    """What a type is marked as; a mark may be given as its class."""
    while hasattr(annotation, "__value__"):
        annotation = annotation.__value__
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        yield from (mark() if mark in (Personal, Subject) else mark for mark in marks)
        yield from _marks(inner)


def _is_record(cls: type) -> bool:
    return issubclass(cls, msgspec.Struct) or is_dataclass(cls)


def _members(cls: type) -> Iterator[_Member]:
    if issubclass(cls, msgspec.Struct):
        for each in msgspec.structs.fields(cls):
            yield _Member(each.encode_name, each.type)
    else:
        for name, annotation in get_type_hints(cls, include_extras=True).items():
            yield _Member(name, annotation)


def _annotations(cls: type) -> Iterator[Any]:
    """The types of a class's fields: of all kinds of classes that msgspec encodes by them."""
    if issubclass(cls, msgspec.Struct):
        yield from (each.type for each in msgspec.structs.fields(cls))
    elif is_dataclass(cls) or hasattr(cls, "__total__") or hasattr(cls, "_fields") or hasattr(cls, "__attrs_attrs__"):
        yield from get_type_hints(cls, include_extras=True).values()

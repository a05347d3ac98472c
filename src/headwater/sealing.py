"""Personal data in an event's JSON, sealed and opened. Pure: how to encrypt is a Sealer's business.

A sealed value is `{"$personal":"<key id>:<base64>","forgotten":…}`: it says by itself which key opens it, and what it
reads without one (null, where it does not say). So events of versions that no class describes any more open as well.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

import msgspec

from headwater.errors import BadInput, MalformedData, SubjectForgotten
from headwater.messages import Kind
from headwater.personal import Plan

NAME = "$personal"
MARK = b'$personal"'
"""What every sealed value holds, and nothing else that a catalog encodes."""
NULL = b"null"
KEY_IDS = re.compile(rb'\$personal"\s*:\s*"([0-9a-f]+):')

Where = tuple[str, ...]
"""The place of a value: the event's type, and the names (or the number, in an array) that lead to it."""

_encode = msgspec.json.Encoder().encode
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_name = msgspec.json.Decoder(str | int).decode


class Sealer(Protocol):
    """Encrypts and decrypts values, each bound to its subject and its place. Raises KeysNeeded."""

    def seal(self, subject: str, where: Where, value: bytes) -> str:
        """A value as text that begins with the id of its key and a colon, and needs no escapes in JSON. Raises
        SubjectForgotten."""

    def open(self, text: str, subject: str | None, where: Where) -> bytes | None:
        """What was sealed, None if its key was destroyed. `subject`: whose it must be (None: not known). Raises
        WrongKeys."""

    def check(self, subjects: Collection[str], ids: Collection[str]) -> None:
        """Raises KeysNeeded, for all of these, unless their keys are at hand."""


def key_ids(data: bytes) -> set[str]:
    """The ids of the keys with which values in some JSON are sealed."""
    return {id.decode() for id in KEY_IDS.findall(data)}


# -- sealing


def seal(kind: Kind, data: bytes, plan: Plan, sealer: Sealer, *, forgetting: bool = False) -> bytes:
    """An event's data with its personal values sealed; those that read as if forgotten stay as they are. Of subjects
    that were forgotten there may be none, unless `forgetting`: then they are made to read so."""
    if MARK in data:
        raise unsealable(kind)
    return _Sealing(sealer, forgetting).seal(data.strip(), plan, (kind.type,), "")


def unsealable(kind: Kind) -> BadInput:
    """The error for data that looks as if it were sealed already."""
    return BadInput(f"event {kind.type!r}: its data has an object with the name {NAME!r}, which is reserved")


class _Sealing:
    """One pass through an event's data."""

    def __init__(self, sealer: Sealer, forgetting: bool = False) -> None:
        self._sealer = sealer
        self._forgetting = forgetting

    def seal(self, raw: bytes, plan: Plan, where: Where, subject: str) -> bytes:
        if raw[:1] == b"[":
            return _encode([msgspec.Raw(self.seal(part, plan, at, subject)) for part, at in _in_array(raw, where)])
        if raw[:1] != b"{":
            return raw
        parts = _parts(raw)
        if plan.subject is not None and plan.subject in parts:
            subject = str(_name(parts[plan.subject]))
        for name, forgotten in plan.sealed.items():
            if name in parts and (value := bytes(parts[name])) != forgotten:
                parts[name] = msgspec.Raw(self._value(value, forgotten, (*where, name), subject))
        below = dict.fromkeys(parts, plan.each) if plan.each else plan.nested
        for name, inner in below.items():
            if name in parts:
                parts[name] = msgspec.Raw(self.seal(bytes(parts[name]), inner, (*where, name), subject))
        return _encode(parts)

    def _value(self, value: bytes, forgotten: bytes, where: Where, subject: str) -> bytes:
        if not subject:
            raise BadInput(f"event {where[0]!r}: {where[-1]!r} is personal data, and its subject is empty")
        try:
            text = self._sealer.seal(subject, where, value)
        except SubjectForgotten:
            if self._forgetting:
                return forgotten
            raise
        return b'{"$personal":"%b"%b}' % (text.encode(), _unless_null(forgotten))


def _unless_null(forgotten: bytes) -> bytes:
    return b"" if forgotten == NULL else b',"forgotten":' + forgotten


def _in_array(raw: bytes, where: Where) -> Iterator[tuple[bytes, Where]]:
    for number, part in enumerate(_items(raw)):
        yield bytes(part), (*where, str(number))


# -- opening

Opener = Callable[[str, str | None, Where], bytes | None]


def open_sealed(kind: Kind, data: bytes, plan: Plan | None, opener: Opener) -> bytes:
    """An event's data with all that is sealed opened, and replaced where `opener` has nothing for it. With the event's
    plan whatever is opened must be its subject's. Raises MalformedData."""
    try:
        return _opened(data, plan, (kind.type,), None, opener)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedData(f"event {kind.type!r} version {kind.version}", f"sealed wrongly: {error}") from error


def _opened(raw: bytes, plan: Plan | None, where: Where, subject: str | None, opener: Opener) -> bytes:
    if MARK not in raw:
        return raw
    if raw[:1] == b"[":
        return _encode([msgspec.Raw(_opened(part, plan, at, subject, opener)) for part, at in _in_array(raw, where)])
    parts = _parts(raw)
    if NAME in parts:
        value = opener(_text(parts[NAME]), subject, where)
        return bytes(parts.get("forgotten", NULL)) if value is None else value
    if plan is not None and plan.subject is not None and plan.subject in parts:
        subject = str(_name(parts[plan.subject]))
    for name, part in parts.items():
        if MARK in (inner := bytes(part)):
            below = None if plan is None else plan.each or plan.nested.get(name)
            whose = subject if below is not None or (plan is not None and name in plan.sealed) else None
            parts[name] = msgspec.Raw(_opened(inner, below, (*where, name), whose, opener))
    return _encode(parts)


# -- looking


class _Subjects:
    """Notes whose data would be sealed."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def seal(self, subject: str, where: Where, value: bytes) -> str:
        self.found.add(subject)
        return ""

    def open(self, text: str, subject: str | None, where: Where) -> bytes | None:
        return None

    def check(self, subjects: Collection[str], ids: Collection[str]) -> None:
        """Nothing is needed."""


def subjects_of(kind: Kind, data: bytes, plan: Plan) -> set[str]:
    """Whose data `seal` would seal."""
    looking = _Subjects()
    _Sealing(looking).seal(data, plan, (kind.type,), "")
    return looking.found


def places_of(kind: Kind, data: bytes, key: str) -> list[str]:
    """Where values are sealed by the key of that id: each place as its names joined by dots."""
    found: list[str] = []

    def look(text: str, _subject: str | None, where: Where) -> None:
        if text.partition(":")[0] == key:
            found.append(".".join(where[1:]))

    open_sealed(kind, data, None, look)
    return found

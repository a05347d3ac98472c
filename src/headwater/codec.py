"""Names and forms of messages: `@event` and `@command` give a class its stable name; a catalog encodes and decodes.

A decorated plain class becomes a frozen `msgspec.Struct`; a Struct or dataclass stays what it is. Decorating registers
nothing anywhere: a catalog is built from the classes that an application's annotations mention.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from typing import Any, Generic, TypeVar, Union, dataclass_transform

import msgspec

from headwater.errors import DeclarationError, InvalidName, MalformedData, UnknownType
from headwater.messages import NO_METADATA, Batch, EncodedEvent, Envelope, Kind, Metadata, NewEvent

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_NAME_RULE = "lower-case words joined by dots, such as 'order.placed'"
_EVENT = "__headwater_event__"
_COMMAND = "__headwater_command__"


@dataclass_transform(frozen_default=True)
def event(name: str, *, version: int = 1) -> Callable[[type[T]], type[T]]:
    """Declare a class as an event with a stable `name` ('order.placed') and a schema `version` (1, 2, …).

    The name is what is stored: renaming or moving the class changes nothing. Raises InvalidName, DeclarationError.
    """
    if version < 1:
        raise DeclarationError(f"event {name!r}: a version is 1 or more, not {version}")
    return _mark(_EVENT, Kind(_checked(name, "event name"), version), strict=False)


@dataclass_transform(frozen_default=True)
def command(name: str) -> Callable[[type[T]], type[T]]:
    """Declare a class as a command with a stable `name` ('order.place'). Unknown fields in its JSON are refused."""
    return _mark(_COMMAND, _checked(name, "command name"), strict=True)


def _checked(name: str, what: str) -> str:
    if not _NAME.match(name) or len(name) > 200:
        raise InvalidName(what, name, _NAME_RULE)
    return name


def _mark(attribute: str, value: object, *, strict: bool) -> Callable[[type[T]], type[T]]:
    def decorate(cls: type[T]) -> type[T]:
        made = cls if issubclass(cls, msgspec.Struct) or is_dataclass(cls) else _as_struct(cls, strict)
        setattr(made, attribute, value)
        return made

    return decorate


def _as_struct(cls: type[T], strict: bool) -> type[T]:
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    bases = tuple(base for base in cls.__bases__ if base is not object)
    struct_meta: Any = type(msgspec.Struct)
    made: type[T] = struct_meta(
        cls.__name__, (*bases, msgspec.Struct), body, frozen=True, gc=False, forbid_unknown_fields=strict
    )
    return made


def kind_of(cls: type) -> Kind:
    """Name and version of an event class. Raises DeclarationError for a class without `@event`."""
    kind: Kind | None = vars(cls).get(_EVENT)
    if kind is None:
        raise DeclarationError(f"{cls.__qualname__} is used as an event: decorate it with @event('some.name')")
    return kind


def type_names(classes: Iterable[type]) -> tuple[str, ...]:
    """The stable names of event classes."""
    return tuple(dict.fromkeys(kind_of(cls).type for cls in classes))


def command_name(cls: type) -> str:
    """Name of a command class. Raises DeclarationError for a class without `@command`."""
    name: str | None = vars(cls).get(_COMMAND)
    if name is None:
        raise DeclarationError(f"{cls.__qualname__} is used as a command: decorate it with @command('some.name')")
    return name


class EventCatalog:
    """The event types of an application: encodes events to be recorded, decodes recorded ones."""

    def __init__(self, types: Iterable[type]) -> None:
        self.types: dict[Kind, type] = {}
        for cls in types:
            kind = kind_of(cls)
            other = self.types.setdefault(kind, cls)
            if other is not cls:
                raise DeclarationError(
                    f"event {kind.type!r} version {kind.version} is declared twice: "
                    f"by {other.__module__}.{other.__qualname__} and {cls.__module__}.{cls.__qualname__}"
                )
        self._kinds = {cls: kind for kind, cls in self.types.items()}
        self._encode = msgspec.json.Encoder().encode
        self._decoders: dict[Kind, msgspec.json.Decoder[Any]] = {
            kind: msgspec.json.Decoder(cls) for kind, cls in self.types.items()
        }

    def encode(self, event: object, *, tags: Sequence[str] = (), metadata: Metadata = NO_METADATA) -> NewEvent:
        """An event as it is recorded. Raises DeclarationError for an undeclared class."""
        type, version = self._kinds.get(event.__class__) or kind_of(event.__class__)
        return EncodedEvent(type, self._encode(event), version, tuple(tags), metadata)

    def decode(self, envelope: Envelope) -> Any:
        """The event in an envelope. Raises UnknownType, MalformedData."""
        return self.decode_data(Kind(envelope.type, envelope.type_version), envelope.data)

    def decode_data(self, kind: Kind, data: bytes) -> Any:
        """The event of that kind in `data` (UTF-8 JSON). Raises UnknownType, MalformedData."""
        decoder = self._decoders.get(kind)
        if decoder is None:
            raise self._unknown(kind)
        try:
            return decoder.decode(data)
        except UNREADABLE as error:
            raise MalformedData(f"event {kind.type!r} version {kind.version}", str(error)) from error

    def _unknown(self, kind: Kind) -> UnknownType:
        known = tuple(f"{known.type} (version {known.version})" for known in self.types)
        return UnknownType("event type", f"{kind.type} (version {kind.version})", known)


class BatchDecoder(Generic[T]):
    """Decodes whole batches into typed events in one step, for the event types of one fold.

    One C-level pass over the batch's JSON: each kind number selects the class, as the tag of a tagged union.
    """

    def __init__(self, catalog: EventCatalog) -> None:
        self._catalog = catalog
        self._kinds: Sequence[Kind] = ()
        self._known = -1
        self._decoder: msgspec.json.Decoder[Any] | None = None

    def decode(self, batch: Batch) -> list[T]:
        """The batch's events in order. Raises UnknownType, MalformedData."""
        if not batch.count:
            return []
        if self._kinds is not batch.kinds or self._known != len(batch.kinds):
            self._learn(batch.kinds)
        if self._decoder is None:
            return self._decode_singly(batch)
        try:
            return [pair.data for pair in self._decoder.decode(batch.json)]
        except UNREADABLE:
            return self._decode_singly(batch)

    def _learn(self, kinds: Sequence[Kind]) -> None:
        known = [
            (number, self._catalog.types[kind]) for number, kind in enumerate(kinds) if kind in self._catalog.types
        ]
        pairs = [
            msgspec.defstruct(f"Kind{number}", [("data", cls)], array_like=True, tag=number, gc=False)
            for number, cls in known
        ]
        self._decoder = msgspec.json.Decoder(list[Union[tuple(pairs)]]) if pairs else None  # type: ignore[misc] # noqa: UP007
        self._kinds, self._known = kinds, len(kinds)

    def _decode_singly(self, batch: Batch) -> list[T]:
        """The slow way, which names the event that does not decode."""
        pairs = msgspec.json.decode(batch.json, type=list[tuple[int, msgspec.Raw]])
        return [self._catalog.decode_data(batch.kinds[number], bytes(raw)) for number, raw in pairs]


class CommandCatalog:
    """The command types of an application by name."""

    def __init__(self, types: Iterable[type]) -> None:
        self.types: dict[str, type] = {}
        for cls in types:
            other = self.types.setdefault(command_name(cls), cls)
            if other is not cls:
                raise DeclarationError(
                    f"command {command_name(cls)!r} is declared twice: "
                    f"by {other.__module__}.{other.__qualname__} and {cls.__module__}.{cls.__qualname__}"
                )
        self._encode = msgspec.json.Encoder().encode
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {
            name: msgspec.json.Decoder(cls) for name, cls in self.types.items()
        }

    def encode(self, command: object) -> tuple[str, bytes]:
        """A command's name and its UTF-8 JSON."""
        return command_name(command.__class__), self._encode(command)

    def decode(self, name: str, data: bytes) -> Any:
        """The command of that name in `data` (UTF-8 JSON). Raises UnknownType, MalformedData."""
        decoder = self._decoders.get(name)
        if decoder is None:
            raise UnknownType("command", name, tuple(self.types))
        try:
            return decoder.decode(data)
        except UNREADABLE as error:
            raise MalformedData(f"command {name!r}", str(error)) from error

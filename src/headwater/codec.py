"""Names and forms of messages: `@event` and `@command` give a class its stable name; a catalog encodes and decodes.

A decorated plain class becomes a frozen `msgspec.Struct`; a Struct or dataclass stays what it is. Decorating registers
nothing anywhere: a catalog is built from the classes that an application's annotations mention.
"""

import copy
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any, Generic, NamedTuple, Self, TypeVar, Union, dataclass_transform

import msgspec

from headwater.errors import DeclarationError, InvalidName, KeysNeeded, MalformedData, UnknownType
from headwater.messages import NO_METADATA, Batch, EncodedEvent, Envelope, Kind, Metadata, NewEvent
from headwater.protecting import Protection
from headwater.reshaping import Shape, shape
from headwater.sealing import Sealer
from headwater.upcasting import Chains, Data, Upcaster, part_id

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_NAME_RULE = "lower-case words joined by dots, such as 'order.placed'"
_EVENT = "__headwater_event__"
_COMMAND = "__headwater_command__"
_ABOUT = "__headwater_about__"


class About(NamedTuple):
    """What an event's class says of it to people."""

    owner: str = ""
    example: Mapping[str, Any] | None = None


@dataclass_transform(frozen_default=True)
def event(
    name: str, *, version: int = 1, owner: str = "", example: Mapping[str, Any] | None = None
) -> Callable[[type[T]], type[T]]:
    """Declare a class as an event with a stable `name` ('order.placed') and a schema `version` (1, 2, …).

    The name is what is stored: renaming or moving the class changes nothing. Documents say who its `owner` is, and
    show the `example`: its fields, as JSON has them. Raises InvalidName, DeclarationError.
    """
    if version < 1:
        raise DeclarationError(f"event {name!r}: a version is 1 or more, not {version}")
    mark = _mark(_EVENT, Kind(_checked(name, "event name"), version), strict=False)

    def decorate(cls: type[T]) -> type[T]:
        made = mark(cls)
        setattr(made, _ABOUT, About(owner, example))
        return made

    return decorate


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


def about(cls: type) -> About:
    """What an event class says of itself to people."""
    found: About = vars(cls).get(_ABOUT) or About()
    return found


def type_names(classes: Iterable[type]) -> tuple[str, ...]:
    """The stable names of event classes."""
    return tuple(dict.fromkeys(kind_of(cls).type for cls in classes))


def command_name(cls: type) -> str:
    """Name of a command class. Raises DeclarationError for a class without `@command`."""
    name: str | None = vars(cls).get(_COMMAND)
    if name is None:
        raise DeclarationError(f"{cls.__qualname__} is used as a command: decorate it with @command('some.name')")
    return name


class UnknownEvent(msgspec.Struct, frozen=True, gc=False):
    """An event of a kind that the application does not know, as it is stored: kept, passed on, never guessed at."""

    kind: Kind
    data: bytes


class EventCatalog:
    """The event types of an application: encodes events to be recorded, decodes recorded ones of whatever version.

    Where they have personal fields it needs a Sealer (`with_sealer`). Whatever encodes or decodes such events raises
    DeclarationError without one; with one also KeysNeeded, WrongKeys, and, encoding, SubjectForgotten.
    """

    def __init__(self, types: Iterable[type], upcasters: Iterable[Upcaster] = ()) -> None:
        self.types: dict[Kind, type] = {}
        for cls in types:
            kind = kind_of(cls)
            other = self.types.setdefault(kind, cls)
            if other is not cls:
                raise DeclarationError(
                    f"event {kind.type!r} version {kind.version} is declared twice: "
                    f"by {other.__module__}.{other.__qualname__} and {cls.__module__}.{cls.__qualname__}"
                )
        self.chains = Chains(self.types, upcasters)
        self.protection = Protection(self.types)
        self.shapes = self._shapes()
        self._kinds = {cls: kind for kind, cls in self.types.items()}
        self._encode = msgspec.json.Encoder().encode
        self._decoders: dict[Kind, msgspec.json.Decoder[Any]] = {
            kind: msgspec.json.Decoder(cls) for kind, cls in self.types.items()
        }
        self._decoders |= {kind: msgspec.json.Decoder(each.struct) for kind, each in self.shapes.items()}

    def _shapes(self) -> dict[Kind, Shape[Any]]:
        """The old kinds that are decoded in one step."""
        found: dict[Kind, Shape[Any]] = {}
        for kind in self.chains.kinds:
            if (straight := self.chains.straight(kind)) and straight[1] not in self.protection.plans:
                changes, end = straight
                cls: type[Any] = self.types[end]
                try:
                    made = shape(cls, changes)
                except msgspec.ValidationError as error:
                    raise DeclarationError(
                        f"upcasters of event {kind.type!r} version {kind.version}: a default is wrong: {error}"
                    ) from error
                if made is not None:
                    found[kind] = made
        return found

    def __contains__(self, kind: Kind) -> bool:
        """Whether events of that kind can be read."""
        return kind in self.types or kind in self.chains

    def encode(self, event: object, *, tags: Sequence[str] = (), metadata: Metadata = NO_METADATA) -> NewEvent:
        """An event as it is recorded. Raises DeclarationError for an undeclared class."""
        cls: type = event.__class__
        kind = self._kinds.get(cls) or kind_of(cls)
        data = self.protection.seal(kind, cls, self._encode(event))
        return EncodedEvent(kind.type, data, kind.version, tuple(tags), metadata)

    def with_sealer(self, sealer: Sealer) -> Self:
        """The same catalog, which seals and opens personal fields by that."""
        made = copy.copy(self)
        made.protection = self.protection.with_sealer(sealer)
        return made

    def check_subjects(self, events: Iterable[object]) -> None:
        """Raises KeysNeeded unless all keys are at hand by which these events are encoded."""
        classes: list[type] = [event.__class__ for event in events]
        self.protection.check_subjects(
            (kind_of(cls), cls, self._encode(event)) for cls, event in zip(classes, events, strict=True)
        )

    def sources(self, classes: Iterable[type]) -> tuple[str, ...]:
        """The type names under which events of these classes may be stored."""
        return self.chains.sources(type_names(classes))

    def decode(self, envelope: Envelope) -> list[Any]:
        """What a recorded event is today: it, or what upcasters make of it. Raises UnknownType, MalformedData."""
        return self.decode_data(Kind(envelope.type, envelope.type_version), envelope.data)

    def decode_data(self, kind: Kind, data: bytes) -> list[Any]:
        """What an event of that kind is today, from its `data` (UTF-8 JSON). Raises UnknownType, MalformedData."""
        data = self.protection.open(kind, data)
        decoder = self._decoders.get(kind)
        if decoder is None:
            if kind in self.chains:
                return self.upcast(kind, _plain(kind, data))
            raise self.unknown(kind)
        try:
            event: Any = decoder.decode(data)
        except UNREADABLE as error:
            raise MalformedData(f"event {kind.type!r} version {kind.version}", str(error)) from error
        old = self.shapes.get(kind)
        return [event if old is None else old.make(event)]

    def form(self, kind: Kind) -> Any:
        """As what an event of that kind is decoded: its class, a struct of its shape, plain data, or anything (such as
        what may be sealed, and is decoded by `decode_data`)."""
        if kind in self.shapes:
            return self.shapes[kind].struct
        plans = self.protection.plans
        if kind in plans or (plans and kind in self.chains):
            return msgspec.Raw
        return self.types.get(kind) or (Data if kind in self.chains else msgspec.Raw)

    def upcast(self, kind: Kind, data: Data) -> list[Any]:
        """The events of today out of one of an older kind. Raises MalformedData."""
        made: list[Any] = []
        for end, changed in self.chains.apply(kind, data):
            try:
                made.append(msgspec.convert(changed, self.types[end], str_keys=True))
            except msgspec.ValidationError as error:
                why = f"upcast to {end.type!r} version {end.version}: {error}"
                raise MalformedData(f"event {kind.type!r} version {kind.version}", why) from error
        return made

    def modern(self, kind: Kind, data: bytes) -> list[tuple[Kind, bytes]]:
        """The same, as kinds and data (UTF-8 JSON). What is of today, or of no known kind, stays as it is; what is
        sealed is opened, upcast, and sealed again. Raises MalformedData."""
        if kind not in self.chains:
            return [(kind, data)]
        plain = _plain(kind, self.protection.open(kind, data))
        seal = self.protection.seal_again
        return [(end, seal(end, self._encode(changed))) for end, changed in self.chains.apply(kind, plain)]

    def envelopes(self, envelope: Envelope) -> list[Envelope]:
        """A recorded event as what it is today, for those who pass it on. Raises MalformedData."""
        kind = Kind(envelope.type, envelope.type_version)
        if kind not in self.chains:
            return [envelope]
        return [
            msgspec.structs.replace(
                envelope, id=part_id(envelope.id, n), type=end.type, type_version=end.version, data=data
            )
            for n, (end, data) in enumerate(self.modern(kind, envelope.data))
        ]

    def unknown(self, kind: Kind) -> UnknownType:
        """The error for a kind that nothing declares."""
        known = tuple(f"{known.type} (version {known.version})" for known in self.types)
        return UnknownType("event type", f"{kind.type} (version {kind.version})", known)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _plain(kind: Kind, data: bytes) -> Data:
    try:
        return msgspec.json.decode(data, type=Data)
    except UNREADABLE as error:
        raise MalformedData(f"event {kind.type!r} version {kind.version}", str(error)) from error


class BatchDecoder(Generic[T]):
    """Decodes whole batches into typed events in one step, for the event types of one fold.

    One C-level pass over the batch's JSON: each kind number selects the class, as the tag of a tagged union; older
    kinds are read as plain data, and then upcast; those with personal fields are then decoded one by one; what comes
    out of that and is of none of `classes` is left out. Where it is to `keep_unknown` events, they come as
    UnknownEvent.
    """

    def __init__(
        self, catalog: EventCatalog, *, classes: Collection[type] | None = None, keep_unknown: bool = False
    ) -> None:
        self._catalog = catalog
        self._classes = classes
        self._keep_unknown = keep_unknown
        self._kinds: Sequence[Kind] = ()
        self._known = -1
        self._decoder: msgspec.json.Decoder[Any] | None = None
        self._others: dict[type, Kind] = {}
        """The kinds whose events are not read as what they are; of these some are made of what they are read as."""
        self._reshaped: dict[type, Callable[[Any], Any]] = {}

    def decode(self, batch: Batch) -> list[T]:
        """The batch's events in order. Raises UnknownType, MalformedData, WrongKeys; KeysNeeded, for all of it."""
        if not batch.count:
            return []
        if self._kinds is not batch.kinds or self._known != len(batch.kinds):
            self._learn(batch.kinds)
        try:
            return self._decode(batch)
        except KeysNeeded:
            self._catalog.protection.check_keys(_bytes(batch.json))  # raises it for all of them
            raise

    def _decode(self, batch: Batch) -> list[T]:
        if self._decoder is None:
            return self._decode_singly(batch)
        try:
            pairs = self._decoder.decode(batch.json)
        except UNREADABLE:
            return self._decode_singly(batch)
        if self._others.keys().isdisjoint(map(type, pairs)):
            return [pair.data for pair in pairs]
        return self._finish(pairs)

    def _finish(self, pairs: Sequence[Any]) -> list[T]:
        others, reshaped, upcast, events = self._others, self._reshaped, self._catalog.upcast, list[T]()
        for pair in pairs:
            if (make := reshaped.get(pair.__class__)) is not None:
                events.append(make(pair.data))
            elif (kind := others.get(pair.__class__)) is None:
                events.append(pair.data)
            elif isinstance(pair.data, msgspec.Raw):
                events += self._single(kind, bytes(pair.data))
            else:
                events += self._wanted(upcast(kind, pair.data))
        return events

    def _wanted(self, events: list[Any]) -> list[Any]:
        classes = self._classes
        return events if classes is None else [event for event in events if event.__class__ in classes]

    def _unknown(self, kind: Kind, data: bytes) -> Any:
        if not self._keep_unknown:
            raise self._catalog.unknown(kind)
        return UnknownEvent(kind, data)

    def _learn(self, kinds: Sequence[Kind]) -> None:
        self._others, self._reshaped = {}, {}
        pairs = []
        for number, kind in enumerate(kinds):
            known: Any = self._catalog.form(kind)
            pair = msgspec.defstruct(f"Kind{number}", [("data", known)], array_like=True, tag=number, gc=False)
            if known is not self._catalog.types.get(kind):
                self._others[pair] = kind
            if kind in self._catalog.shapes:
                self._reshaped[pair] = self._catalog.shapes[kind].make
            pairs.append(pair)
        self._decoder = msgspec.json.Decoder(list[Union[tuple(pairs)]]) if pairs else None  # type: ignore[misc] # noqa: UP007
        self._kinds, self._known = kinds, len(kinds)

    def _decode_singly(self, batch: Batch) -> list[T]:
        """The slow way, which names the event that does not decode."""
        events: list[T] = []
        for number, raw in msgspec.json.decode(batch.json, type=list[tuple[int, msgspec.Raw]]):
            events += self._single(batch.kinds[number], bytes(raw))
        return events

    def _single(self, kind: Kind, data: bytes) -> list[Any]:
        if kind not in self._catalog:
            return [self._unknown(kind, data)]
        found = self._catalog.decode_data(kind, data)
        return self._wanted(found) if kind in self._catalog.chains else found


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

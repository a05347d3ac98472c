"""Events for years: from every version of an event type that was ever stored to the one that the code knows.

An upcaster says what became of one version of one type: the next version, another type, several events, or none. It is
pure, works on plain JSON data, and is applied whenever a stored event is read; what is stored never changes.

    HISTORY = [
        upcast("order.placed", 1, renamed("sum", "total")),
        upcast("order.placed", 2, with_default("currency", "GBP")),
        split("order.shipped_and_billed", 1, into=[Kind("order.shipped", 1), Kind("order.billed", 1)], change=both),
        retired("order.flagged", 1),
    ]
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.errors import DeclarationError, MalformedData
from headwater.messages import Kind

Data = dict[str, Any]
"""An event's data as JSON has it."""
_NOTHING: Any = object()
Change = Callable[[Data], Data]
"""From data to the next data. It may change what it is given, which belongs to nobody else."""


@dataclass(frozen=True)
class Upcaster:
    """What became of a version of an event type: `change(data)` gives the events that it is today, or was next, of the
    kinds in `into` only."""

    type: str
    version: int
    into: tuple[Kind, ...]
    change: Callable[[Data], Iterable[tuple[Kind, Data]]]

    @property
    def kind(self) -> Kind:
        """What it applies to."""
        return Kind(self.type, self.version)


@dataclass(frozen=True)
class Step(Upcaster):
    """An upcaster from one event to one: by its changes in turn."""

    changes: tuple[Change, ...] = ()


def upcast(type: str, version: int, *changes: Change, to: Kind | None = None) -> Upcaster:
    """That version became the next one by these changes, in turn; or what `to` says: another type, a later version."""
    target = to or Kind(type, version + 1)

    def change(data: Data) -> list[tuple[Kind, Data]]:
        for each in changes:
            data = each(data)
        return [(target, data)]

    return Step(type, version, (target,), change, changes)


def split(
    type: str, version: int, *, into: Sequence[Kind], change: Callable[[Data], Iterable[tuple[Kind, Data]]]
) -> Upcaster:
    """That version became any number of events of the kinds in `into`, in the order in which `change` gives them."""
    return Upcaster(type, version, tuple(into), change)


def retired(type: str, *versions: int) -> list[Upcaster]:
    """These versions mean nothing any more: they are passed over."""
    return [Upcaster(type, version, (), lambda _: ()) for version in versions]


# -- changes


@dataclass(frozen=True)
class Renamed:
    """See `renamed`."""

    old: str
    new: str

    def __call__(self, data: Data) -> Data:
        value = data.pop(self.old, _NOTHING)
        data.pop(self.new, None)
        if value is not _NOTHING:
            data[self.new] = value
        return data


@dataclass(frozen=True)
class WithDefault:
    """See `with_default`."""

    field: str
    value: Any

    def __call__(self, data: Data) -> Data:
        data.setdefault(self.field, self.value)
        return data


@dataclass(frozen=True)
class Dropped:
    """See `dropped`."""

    fields: tuple[str, ...]

    def __call__(self, data: Data) -> Data:
        for field in self.fields:
            data.pop(field, None)
        return data


def renamed(old: str, new: str) -> Change:
    """A field has another name; where there was none, there is none."""
    return Renamed(old, new)


def with_default(field: str, value: Any) -> Change:
    """A field that is new: events without it have that value (as JSON has it)."""
    return WithDefault(field, value)


def dropped(*fields: str) -> Change:
    """Fields that are not there any more."""
    return Dropped(fields)


def derived(field: str, value: Callable[[Data], Any]) -> Change:
    """A field that is new, and follows from the others."""

    def change(data: Data) -> Data:
        data[field] = value(data)
        return data

    return change


# -- chains


class Chains:
    """All upcasters of an application, checked: every stored version leads to kinds of today (`current`), or nowhere.

    Raises DeclarationError for two upcasters of one kind, for one of a kind that a class declares, for a version that
    is missing, for a way that ends in nothing that is declared, and for a circle.
    """

    def __init__(self, current: Iterable[Kind], upcasters: Iterable[Upcaster]) -> None:
        self._current = frozenset(current)
        self._upcasters: dict[Kind, Upcaster] = {}
        for each in upcasters:
            if each.kind in self._current:
                raise DeclarationError(f"{_named(each.kind)} has a class and an upcaster; only one can be right")
            if each.kind in self._upcasters:
                raise DeclarationError(f"{_named(each.kind)} has two upcasters")
            self._upcasters[each.kind] = each
        self._ends: dict[Kind, frozenset[Kind]] = {}
        self._straight: dict[Kind, tuple[tuple[Change, ...], Kind]] = {}
        for kind in self._upcasters:
            self._ends[kind] = self._follow(kind, ())
            self._straighten(kind)
        self._check_versions()

    def __bool__(self) -> bool:
        return bool(self._upcasters)

    def __contains__(self, kind: Kind) -> bool:
        return kind in self._upcasters

    @property
    def kinds(self) -> Iterable[Kind]:
        """What is upcast."""
        return self._upcasters

    def ends(self, kind: Kind) -> frozenset[Kind]:
        """What may become of a kind in the end."""
        return self._ends[kind] if kind in self._ends else frozenset((kind,)) & self._current

    def sources(self, types: Iterable[str]) -> tuple[str, ...]:
        """The names of all types out of which events of these types may come, with themselves."""
        wanted = dict.fromkeys(types)
        from_others = (kind.type for kind, ends in self._ends.items() if any(end.type in wanted for end in ends))
        return tuple(dict.fromkeys([*wanted, *from_others]))

    def apply(self, kind: Kind, data: Data) -> list[tuple[Kind, Data]]:
        """The events of today out of an event of a stored kind, in order. Raises MalformedData, which names the
        upcaster that failed."""
        straight = self._straight.get(kind)
        if straight is None:
            return [each for end in self._next(kind, data) for each in self._on(end)]
        changes, target = straight
        try:
            for change in changes:
                data = change(data)
        except Exception as error:
            raise MalformedData(_named(kind), f"on its way to {_named(target)}: {_said(error)}") from error
        return [(target, data)]

    def straight(self, kind: Kind) -> tuple[Sequence[Change], Kind] | None:
        """All changes from a kind to the one that it is today, where its way never parts."""
        return self._straight.get(kind)

    def _on(self, event: tuple[Kind, Data]) -> Iterable[tuple[Kind, Data]]:
        return self.apply(*event) if event[0] in self._upcasters else (event,)

    def _next(self, kind: Kind, data: Data) -> list[tuple[Kind, Data]]:
        upcaster = self._upcasters[kind]
        try:
            found = [(Kind(*end), changed) for end, changed in upcaster.change(data)]
        except Exception as error:
            raise MalformedData(_named(kind), f"its upcaster failed: {_said(error)}") from error
        for end, _ in found:
            if end not in upcaster.into:
                raise MalformedData(_named(kind), f"its upcaster made {_named(end)}, which is not in its `into`")
        return found

    def _straighten(self, kind: Kind) -> None:
        """Where the way never parts, remember all of it as one run of changes."""
        changes: list[Change] = []
        at = kind
        while isinstance(step := self._upcasters.get(at), Step):
            changes += step.changes
            (at,) = step.into
        if at in self._current:
            self._straight[kind] = tuple(changes), at

    def _follow(self, kind: Kind, way: tuple[Kind, ...]) -> frozenset[Kind]:
        if kind in way:
            raise DeclarationError(f"upcasters go in a circle: {_way((*way, kind))}")
        if kind in self._current:
            return frozenset((kind,))
        if kind not in self._upcasters:
            why = "nothing declares that kind: neither a class that a handler takes, nor an upcaster"
            raise DeclarationError(f"upcasters lead nowhere: {_way((*way, kind))}; {why}")
        ends = (self._follow(each, (*way, kind)) for each in self._upcasters[kind].into)
        return frozenset(end for found in ends for end in found)

    def _check_versions(self) -> None:
        known: dict[str, set[int]] = defaultdict(set)
        for kind in (*self._current, *self._upcasters):
            known[kind.type].add(kind.version)
        for type, versions in known.items():
            for version in range(1, max(versions)):
                if version not in versions:
                    declared = ", ".join(str(each) for each in sorted(versions))
                    raise DeclarationError(
                        f"event {type!r} is declared in versions {declared}: what became of version {version}? Say so "
                        f"by upcast({type!r}, {version}, …), or retired({type!r}, {version})"
                    )


def part_id(id: str, number: int) -> str:
    """The id of the event of that number (from 0) among those that upcasters made of the one with this id."""
    return f"{id}/{number}" if number else id


def _named(kind: Kind) -> str:
    return f"event {kind.type!r} version {kind.version}"


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _way(kinds: Iterable[Kind]) -> str:
    return " → ".join(f"{kind.type} {kind.version}" for kind in kinds)


def flattened(upcasters: Iterable[Upcaster | Iterable[Upcaster]]) -> tuple[Upcaster, ...]:
    """A list of upcasters, in which some may stand as lists."""
    found: list[Upcaster] = []
    for each in upcasters:
        found += [each] if isinstance(each, Upcaster) else each
    return tuple(found)

"""Many appends as one call of `headwater.append_group`, each judged on its own. Synchronous and pure.

A group is put together as if all its appends were to succeed, one after the other. Whoever could only succeed or fail
by another's fate in the same group waits for the next one. What the server finds decides the rest: `Group.judge`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from headwater.adapters.postgres import packing
from headwater.errors import ConditionFailed, WrongExpectedVersion
from headwater.messages import Appended, Condition, NewEvent, QueryItem, Write
from headwater.store.meta import encode_meta

ANY, IMPOSSIBLE = -1, -2
MAX_VERSION = 2**63 - 1
MAX_EVENTS = 5_000
MAX_BYTES = 8 * 1024 * 1024
MAX_KEYS = 256
"""Of how many locks a group takes one each. For more it takes the gate alone: the server's table of locks is small."""

_json = msgspec.json.Encoder().encode


class Order(NamedTuple):
    """What one append asks for."""

    writes: Sequence[Write]
    condition: Condition | None
    id: str
    fingerprint: str


class Found(NamedTuple):
    """What the server says: each stream's version before, each event's position; or why nothing was written."""

    refused: bool
    versions: Sequence[int]
    positions: Sequence[int]
    ids: Sequence[str]
    matches: Sequence[int]


class Verdict(NamedTuple):
    """Of a refused group: who failed and why, who came before (by id), who can go on, and who waits for those."""

    failed: Sequence[tuple[int, Exception]]
    repeated: Sequence[int]
    going: Sequence[int]
    waiting: Sequence[int]


class Group:
    """Appends that share a transaction, in order."""

    def __init__(self, kinds: Mapping[tuple[str, int], int], now: int) -> None:
        self.orders: list[Order] = []
        self._kinds = kinds
        self._now = now
        self._gate = False
        self._bytes = 0
        self._streams: dict[str, int] = {}  # name: place, from 1
        self._length: list[int] = []  # events of each stream so far
        self._required: list[int] = []
        self._keys: dict[int, int] = {}  # hash: 1 for an exclusive lock
        self._events: list[NewEvent] = []
        self._places: list[tuple[int, int]] = []  # of each event: place of its stream, distance from its version
        self._tags: list[tuple[int, str]] = []
        self._types: set[str] = set()
        self._with_tag: set[str] = set()
        self._receipts: dict[str, Any] = {}
        self._conditions: list[tuple[int, QueryItem, int]] = []  # after, item, place of the order

    # -- putting together

    def add(self, order: Order) -> bool:
        """Take an append in; False if it has to wait for the next group."""
        if self.orders and (self._full(order) or self._entangled(order)):
            return False
        first = len(self._events) + 1
        ends = [self._add_write(write) for write in order.writes]
        if order.id:
            self._lock("i" + order.id, exclusive=True)
            self._receipts[order.id] = [order.id, order.fingerprint, first, len(self._events), ends]
        if order.condition:
            self._add_condition(order.condition)
        self.orders.append(order)
        return True

    def _full(self, order: Order) -> bool:
        events, size = len(self._events), self._bytes
        for write in order.writes:
            events += len(write.events)
            for event in write.events:
                size += len(event.data)
        return events > MAX_EVENTS or size > MAX_BYTES

    def _entangled(self, order: Order) -> bool:
        """Whether its fate hangs on that of one which is in the group already."""
        if order.id and order.id in self._receipts:
            return True
        if order.condition and self._may_match(order.condition):
            return True
        for write in order.writes:  # noqa: SIM110 - every append comes by here, and a generator costs more than the rest
            if self._clashes(write):
                return True
        return False

    def _may_match(self, condition: Condition) -> bool:
        items = condition.query.items or (QueryItem(),)
        return any(
            self._with_tag.issuperset(item.tags) and (not item.types or not self._types.isdisjoint(item.types))
            for item in items
        )

    def _clashes(self, write: Write) -> bool:
        place = self._streams.get(write.stream)
        if write.expected is None or place is None:
            return False
        before = write.expected - self._length[place - 1]
        return self._required[place - 1] not in (ANY, before) or before < 0

    def _add_write(self, write: Write) -> tuple[int, int]:
        """Returns the place of the stream and how many events of it there are then."""
        place = self._streams.get(write.stream)
        if place is None:
            place = self._streams[write.stream] = len(self._streams) + 1
            self._length.append(0)
            self._required.append(ANY)
            self._lock("s" + write.stream, exclusive=True)
        distance = self._length[place - 1]
        if write.expected is not None:
            before = write.expected - distance
            self._required[place - 1] = before if 0 <= before <= MAX_VERSION else IMPOSSIBLE
        for event in write.events:
            distance += 1
            self._places.append((place, distance))
            self._events.append(event)
            self._bytes += len(event.data)
            self._types.add(event.type)
            if event.tags:
                self._add_tags(event.tags)
        self._length[place - 1] = distance
        return place, distance

    def _add_tags(self, tags: Sequence[str]) -> None:
        number = len(self._events)
        for tag in dict.fromkeys(tags):
            self._tags.append((number, tag))
            self._with_tag.add(tag)
            self._lock("t" + tag, exclusive=False)

    def _add_condition(self, condition: Condition) -> None:
        """Whoever adds an event that matches has to wait: for an item with tags its first tag is locked, which every
        such event bears; for one without, everything."""
        for item in condition.query.items or (QueryItem(),):
            self._conditions.append((condition.after, item, len(self.orders)))
            if item.tags:
                self._lock("t" + item.tags[0], exclusive=True)
            else:
                self._gate = True

    def _lock(self, name: str, *, exclusive: bool) -> None:
        key = lock_key(name)
        if exclusive or key not in self._keys:
            self._keys[key] = int(exclusive)

    # -- asking

    @property
    def events(self) -> Sequence[NewEvent]:
        return self._events

    def close_gate(self) -> None:
        """Let nobody else append meanwhile."""
        self._gate = True

    @property
    def single(self) -> bool:
        """Whether it is one event that `append_one` can take."""
        more = self._tags or self._receipts or self._conditions or self._gate
        return len(self._events) == len(self._streams) == 1 and not more

    def single_arguments(self) -> list[bytes]:
        """The arguments of `append_one`, in binary."""
        event, write = self._events[0], self.orders[0].writes[0]
        kind, key = self._kinds[event.type, event.type_version], next(iter(self._keys))
        return [
            packing.integer(key), write.stream.encode(), packing.bigint(self._required[0]), packing.integer(kind),
            packing.bigint(event.time if event.time > 0 else self._now), event.data, encode_meta(event).encode(),
        ]  # fmt: skip

    def arguments(self) -> list[bytes]:
        """The arguments of `append_group`, in binary."""
        integers, texts, events = packing.integers, packing.texts, self._events
        gate = self._gate or len(self._keys) > MAX_KEYS
        keys = [] if gate else sorted(key << 1 | exclusive for key, exclusive in self._keys.items())
        places, distances = zip(*self._places, strict=True)
        return [
            b"\1" if gate else b"\0", integers(keys), packing.bigint(self._now),
            texts([name.encode() for name in self._streams]), integers(self._required),
            integers(places), integers(distances),
            integers([self._kinds[each.type, each.type_version] for each in events]),
            integers([each.time for each in events]),
            texts([each.data for each in events]), texts([encode_meta(each).encode() for each in events]),
            integers([number for number, _ in self._tags]), texts([tag.encode() for _, tag in self._tags]),
            texts([id.encode() for id in self._receipts]),
            _json(list(self._receipts.values())) if self._receipts else b"",
            self._asked(),
        ]  # fmt: skip

    def _asked(self) -> bytes:
        if not self._conditions:
            return b""
        return _json([[after, possible(item.types), possible(item.tags)] for after, item, _ in self._conditions])

    # -- judging

    def results(self, found: Found) -> list[Appended]:
        """Of a group that was written: what each append did."""
        version = dict(zip(self._streams, found.versions, strict=True))
        start, results = 0, []
        for order in self.orders:
            versions = []
            end = start
            for write in order.writes:
                version[write.stream] += len(write.events)
                versions.append(version[write.stream])
                end += len(write.events)
            results.append(Appended(found.positions[start], found.positions[end - 1], tuple(versions)))
            start = end
        return results

    def judge(self, found: Found) -> Verdict:
        """Of a group that was refused: who is to blame.

        An append fails at once only if it would have failed without the others of the group as well. Whoever fails only
        after them waits until they are written, and is judged then.
        """
        before = dict(zip(self._streams, found.versions, strict=True))
        version, matched = dict(before), self._matched(found)
        failed: list[tuple[int, Exception]] = []
        repeated, going, waiting = list[int](), list[int](), list[int]()
        for number, order in enumerate(self.orders):
            if order.id and order.id in found.ids:
                repeated.append(number)
            elif error := _failure(order, before, version, matched.get(number)):
                failed.append((number, error))
            elif all(write.expected in (None, version[write.stream]) for write in order.writes):
                going.append(number)
                for write in order.writes:
                    version[write.stream] += len(write.events)
            else:
                waiting.append(number)
        return Verdict(failed, repeated, going, waiting)

    def _matched(self, found: Found) -> dict[int, int]:
        matched: dict[int, int] = {}
        for (_, _, number), position in zip(self._conditions, found.matches, strict=bool(found.matches)):
            if position:
                matched[number] = min(position, matched.get(number, position))
        return matched


def _failure(
    order: Order, before: Mapping[str, int], after_others: Mapping[str, int], match: int | None
) -> Exception | None:
    for write in order.writes:
        if write.expected not in (None, before[write.stream], after_others[write.stream]):
            return WrongExpectedVersion(write.stream, write.expected, before[write.stream])
    if match is not None and order.condition:
        return ConditionFailed(match, order.condition.after)
    return None


def lock_key(name: str) -> int:
    """The advisory lock of a stream ('s…'), a tag ('t…') or an append's id ('i…'): 30 bits, never 0 (the gate)."""
    return crc32(name.encode("utf-8", "surrogatepass")) & 0x3FFF_FFFF or 1


def possible(names: Sequence[str]) -> list[str]:
    """Names as PostgreSQL can compare them. One that it could not hold becomes another one that no event can have."""
    return [name if name.isprintable() else " " for name in names]

"""What the event-driven shop's services told each other: by topics and by the store, where a proxy sees nothing.

A topic and the store are drawn as ends of their own: what a service records goes to `store`; what it relays, from the
store to `topic …`; what another one reads, from there to that one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from headwater.app import open_broker, open_store
from headwater.streaming.port import Broker
from headwater_shop.event_driven.services import FRONT, NAMES, Name, part
from headwater_shop.lab.launch import Launch
from headwater_shop.lab.raw import Talked

STORE: Final = "store"
_PAGE: Final = 1000
_FRONTS: Final = ("order.placed", "customer.", "cart.")
"""What the front's commands record, though others have these deciders, too."""


@dataclass(frozen=True)
class Mark:
    """How far the store and the topics' partitions had come."""

    position: int
    ends: Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class Speech:
    """The store and the broker of a running architecture, as files."""

    store: Path
    broker: Path

    @staticmethod
    def of(launch: Launch) -> "Speech | None":
        """Those of this one; None where it has none of its own."""
        store, broker = launch.file("store"), launch.file("broker")
        if store is None or broker is None or not (store.exists() and broker.exists()):
            return None
        return Speech(store, broker)

    async def mark(self) -> Mark:
        """Here everything begins that `since` tells."""
        async with await open_store(_address(self.store), create=False) as store:
            position = await store.head()
        async with await open_broker(_address(self.broker), create=False) as broker:
            topics = [each.name for each in await broker.topics()]
            ends = {(topic, n): end for topic in topics for n, (_, end) in (await broker.ends(topic)).items()}
        return Mark(position, ends)

    async def since(self, mark: Mark) -> list[Talked]:
        """Who told whom how much from there on."""
        found = _Said()
        async with await open_store(_address(self.store), create=False) as store:
            page = await store.read(after=mark.position, limit=_PAGE)
            while page.events:
                for each in page.events:
                    found.add(_writer(each.type), STORE, "store", len(each.data))
                    found.add(STORE, "views", "store", len(each.data))
                page = await store.read(after=page.events[-1].position, limit=_PAGE)
        async with await open_broker(_address(self.broker), create=False) as broker:
            for topic in await broker.topics():
                await _topic(broker, topic.name, mark, found)
        return list(found.lines())


class _Said:
    """Adds up."""

    def __init__(self) -> None:
        self._times: Counter[tuple[str, str, Literal["topic", "store"]]] = Counter()
        self._bytes: Counter[tuple[str, str, Literal["topic", "store"]]] = Counter()

    def add(self, caller: str, callee: str, by: Literal["topic", "store"], size: int) -> None:
        self._times[caller, callee, by] += 1
        self._bytes[caller, callee, by] += size

    def lines(self) -> Iterator[Talked]:
        for (caller, callee, by), times in self._times.items():
            yield Talked(caller, callee, by, times, self._bytes[caller, callee, by])


async def _topic(broker: Broker, topic: str, mark: Mark, found: _Said) -> None:
    readers = {reader for group in await broker.groups(topic) if (reader := _worker(group.name)) is not None}
    for partition, (_, end) in (await broker.ends(topic)).items():
        at = mark.ends.get((topic, partition), 0)
        while at < end:
            records = await broker.read(topic, partition, start=at, limit=_PAGE)
            if not records:
                break
            for each in records:
                found.add(_worker(topic) or FRONT, f"topic {topic}", "topic", len(each.value))
                for reader in readers:
                    found.add(f"topic {topic}", reader, "topic", len(each.value))
            at = records[-1].offset + 1


@cache
def _worker(name: str) -> Name | None:
    """The service that works under that name: a relay's is its topic's, a consumer's that of its group."""
    return next((each for each in NAMES if name in part(each).workers), None)


@cache
def _writer(type: str) -> Name:
    """The service whose decider records events of that type."""
    if type.startswith(_FRONTS):
        return FRONT
    family = type.partition(".")[0]
    for name in NAMES:
        if name != FRONT and family in {each.name for each in part(name).app.deciders}:
            return name
    return FRONT


def _address(file: Path) -> str:
    return f"sqlite:///{file}"

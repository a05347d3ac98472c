"""What the subjects share: opening brokers, topics of their own, records to put in, and members that work."""

import asyncio
import functools
import inspect
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol

import pytest

from headwater.fold import Topic
from headwater.messages import NewRecord, Offset, Record
from headwater.streaming.port import Broker, BrokerCapabilities, Member
from headwater.streaming.records import Confirmed, Group, Progress
from headwater.testing.running import asynchronous, run

SECONDS = 90.0  # within which a test must end
DEADLINE = 15.0  # seconds within which anything must happen, on the busiest machine and the slowest server
BRIEF = 0.1  # seconds for which nothing must happen

SESSION, DRAIN = 1.0, 0.5  # seconds, for members in the tests of those


class OpenBroker(Protocol):
    """Opens the broker at a place (a word); see BrokerConformance."""

    def __call__(self, place: str, /) -> Awaitable[Broker]: ...


def on_broker(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a method `test(self, broker, …)` a test of a broker, which is closed behind it."""

    @functools.wraps(test)
    def body(self: Any, open_broker: OpenBroker, **more: Any) -> None:
        async def main() -> None:
            async with await open_broker("main") as broker:
                await test(self, broker, **more)

        run(main(), seconds=SECONDS)

    # Runners of tests fill arguments by name: the broker is made here, from `open_broker`.
    signature = inspect.signature(test)
    names = {"broker": "open_broker"}
    renamed = [each.replace(name=names.get(name, name)) for name, each in signature.parameters.items()]
    setattr(body, "__signature__", signature.replace(parameters=renamed))  # noqa: B010 - unknown to type checkers
    return body


def with_places(test: Callable[[Any, OpenBroker], Coroutine[Any, Any, None]]) -> Callable[[Any, OpenBroker], None]:
    """Make a method `test(self, open_broker)`, which opens brokers itself, a test."""
    return asynchronous(seconds=SECONDS)(test)


def require(broker: Broker, capability: Callable[[BrokerCapabilities], object], what: str) -> None:
    """Leave the test out where the broker declares that it cannot do this."""
    if not capability(broker.capabilities):
        pytest.skip(f"the broker declares that it does not {what}")


# -- topics and records


async def new_topic(
    broker: Broker, partitions: int = 2, *, max_age: timedelta | None = None, max_bytes: int | None = None,
    max_record_bytes: int = 100_000,
) -> str:  # fmt: skip
    """Make a topic that nobody else has; its name."""
    name = f"t-{uuid.uuid4().hex}"
    await broker.create_topic(
        Topic(name, (), partitions, max_age=max_age, max_bytes=max_bytes, max_record_bytes=max_record_bytes)
    )
    return name


def new_id() -> str:
    """An id that was never used."""
    return uuid.uuid4().hex


def numbered(count: int, *, start: int = 0, keys: int = 0, ids: bool = False) -> list[NewRecord]:
    """Records with the numbers from `start` on: with so many keys in turn, or none; with ids of their own, or none."""
    return [
        NewRecord(b"%d" % n, f"key-{n % keys}" if keys else None, new_id() if ids else "")
        for n in range(start, start + count)
    ]


def number(record: Record) -> int:
    """What is in a numbered record."""
    return int(record.value)


def numbers(records: Iterable[Record]) -> list[int]:
    """What is in them."""
    return [number(record) for record in records]


def by_key(records: Iterable[Record]) -> dict[str | None, list[int]]:
    """What is in them, key by key, in order."""
    found: defaultdict[str | None, list[int]] = defaultdict(list)
    for record in records:
        found[record.key].append(number(record))
    return dict(found)


async def partition(broker: Broker, topic: str, partition: int, *, limit: int = 1000) -> list[Record]:
    """All records of a partition, page by page. Checks each page's own promises on the way."""
    found: list[Record] = []
    start = (await broker.ends(topic))[partition][0]
    while page := await broker.read(topic, partition, start=start, limit=limit):
        assert len(page) <= limit
        offsets = [record.offset for record in page]
        assert offsets == sorted(set(offsets)), "offsets rise strictly"
        assert offsets[0] >= start
        assert all((record.topic, record.partition) == (topic, partition) for record in page)
        found += page
        start = offsets[-1] + 1
    return found


async def everything(broker: Broker, topic: str) -> list[Record]:
    """All records of a topic, partition by partition."""
    return [record for each in sorted(await broker.ends(topic)) for record in await partition(broker, topic, each)]


def lie(record: Record) -> Confirmed:
    """Where a record lies."""
    return Confirmed(record.partition, record.offset)


# -- members


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """Ask again and again until it holds. Raises AssertionError after DEADLINE."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + DEADLINE
    while not await condition():
        assert loop.time() < give_up, f"after {DEADLINE:g} s still not: {what}"
        await asyncio.sleep(0.01)


async def fetch(member: Member, count: int, *, limit: int = 1000) -> list[Record]:
    """The next `count` records of a member; it hands over what it is asked to."""
    found: list[Record] = []
    give_up = asyncio.get_running_loop().time() + DEADLINE
    while len(found) < count:
        assert asyncio.get_running_loop().time() < give_up, f"{len(found)} of {count} records came: {found}"
        found += await member.fetch(min(limit, count - len(found)), timeout=1.0)
        await member.release(member.leaving)
    return found


async def fetch_all(members: Iterable[Member], count: int) -> dict[str, list[Record]]:
    """The next `count` records of some members together, by member; in turn, so that each shows that it is there."""
    crowd = list(members)
    found: dict[str, list[Record]] = {member.name: [] for member in crowd}
    give_up = asyncio.get_running_loop().time() + DEADLINE
    while sum(map(len, found.values())) < count:
        assert asyncio.get_running_loop().time() < give_up, f"of {count} records came {found}"
        for member in crowd:
            found[member.name] += await member.fetch(1000, timeout=0.05)
            await member.release(member.leaving)
    return found


async def nothing(member: Member, seconds: float = BRIEF) -> None:
    """Raises AssertionError if records come within that time."""
    now = asyncio.get_running_loop().time
    give_up = now() + seconds
    while (left := give_up - now()) > 0:
        assert await member.fetch(100, timeout=left) == []


async def share_out(partitions: int, *members: Member) -> list[Record]:
    """Have members fetch and hand over until they have all partitions, evenly; the records that came meanwhile."""
    came: list[Record] = []
    give_up = asyncio.get_running_loop().time() + DEADLINE
    while not _even(partitions, members):
        assert asyncio.get_running_loop().time() < give_up, [dict(member.assigned) for member in members]
        for member in members:
            came += await member.fetch(1000, timeout=0.05)
            await member.release(member.leaving)
    return came


def _even(partitions: int, members: Iterable[Member]) -> bool:
    crowd = list(members)
    had = [set(member.assigned) for member in crowd]
    counts = [len(each) for each in had]
    whole = sum(counts) == partitions == len(set().union(*had))
    return whole and max(counts) - min(counts) <= 1 and not any(member.leaving for member in crowd)


def after(records: Iterable[Record]) -> Mapping[int, Progress]:
    """The progress of who has worked off these records."""
    reached: dict[int, Offset] = {}
    for record in records:
        reached[record.partition] = max(reached.get(record.partition, 0), record.offset + 1)
    return {partition: Progress(next) for partition, next in reached.items()}


async def standing(broker: Broker, topic: str, group: str) -> Group:
    """How a group stands."""
    return next(each for each in await broker.groups(topic) if each.name == group)

"""A member of a group of a SQLite broker."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

import apsw

from headwater.adapters.sqlite import broker_groups as groups
from headwater.adapters.sqlite.broker_reader import Ahead
from headwater.adapters.sqlite.broker_topics import Found, ends
from headwater.adapters.sqlite.faults import translated
from headwater.adapters.sqlite.watch import Watch
from headwater.adapters.sqlite.writer import Writer
from headwater.clock import Clock
from headwater.errors import HeadwaterError, StoreClosed, UnknownType
from headwater.messages import Record
from headwater.streaming.leases import Lease, Observer, step
from headwater.streaming.records import Assigned, Progress
from headwater.streaming.seat import Seat

log = logging.getLogger(__name__)

BEATS = 4  # signs of life within a session
SHORTEST = 0.02  # seconds between two of them


class Part(NamedTuple):
    """What a member wants to be: of which group, under which name."""

    topic: Found
    group: int
    group_name: str
    name: str
    session: float
    drain: float


class House(Protocol):
    """The broker, as its members see it."""

    address: str
    clock: Clock
    writer: Writer
    watch: Watch
    connection: apsw.Connection
    faults: translated

    @property
    def reader(self) -> apsw.Connection:
        """The connection to read on, at once and without awaiting in between."""

    def check(self) -> None:
        """Raises StoreClosed."""

    def left(self, member: "SqliteMember") -> None:
        """A member is none any more."""


class _Seen(NamedTuple):
    version: int
    held: Mapping[int, Assigned]
    leaving: Collection[int]


class SqliteMember:
    """Member that holds leases in tables. It beats in a task of its own, which ends when it leaves."""

    def __init__(self, house: House, part: Part) -> None:
        self.name = part.name
        self._house = house
        self._part = part
        self._seat = Seat()
        self._ahead = Ahead(lambda: house.reader)
        self._observer = Observer()
        self._looking = asyncio.Lock()
        self._seen = _Seen(-1, {}, ())
        self._sure_until = house.clock.monotonic() + part.session  # before that nobody takes what it has
        self._due: dict[int, float] = {}  # what it is to hand over, and until when
        self._asked = asyncio.Event()
        self._left = False
        self._task: asyncio.Task[None] | None = None

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        return self._seat.assigned

    @property
    def leaving(self) -> Collection[int]:
        return self._seat.leaving

    # -- records

    async def fetch(self, limit: int, *, timeout: float) -> list[Record]:
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        await asyncio.sleep(0)  # reading does not wait: others get on in between
        while True:
            state = await self._catch_up()
            if self._seat.sync(self._held(), self._seen.leaving):
                return []
            records = [] if state.paused else self._read(limit)
            if records or now() >= give_up:
                return records
            sure = self._sure_until - self._house.clock.monotonic()
            await self._house.watch.changed(min(give_up - now(), sure) if sure > 0 else give_up - now())

    async def _catch_up(self) -> groups.State:
        """See what has changed in the group; how it is now."""
        while True:
            state = self._state()
            if state.version <= self._seen.version:
                return state
            async with self._looking:
                if self._seen.version < state.version:
                    await self._look()

    def _state(self) -> groups.State:
        self._house.check()
        if self._left:
            raise StoreClosed(self._house.address, "this member has left its group")
        with self._house.faults:
            state = groups.state_of(self._house.reader, self._part.group)
        if state is None:
            raise UnknownType("topic", self._part.topic.topic.name)
        return state

    def _held(self) -> Mapping[int, Assigned]:
        """What it has for certain: without a sign of life for a session, nothing."""
        return self._seen.held if self._house.clock.monotonic() < self._sure_until else {}

    def _read(self, limit: int) -> list[Record]:
        with self._house.faults:
            return self._next(limit)

    def _next(self, limit: int) -> list[Record]:
        found: list[Record] = []
        there = ends(self._house.reader, self._part.topic)
        for partition, wanted in self._seat.wanted():
            first, next = there[partition]
            more = self._ahead.read(self._part.topic, partition, max(wanted, first), next, limit - len(found))
            if more:
                self._seat.fetched(partition, more[-1].offset + 1)
                found = found + more if found else more
            if len(found) >= limit:
                break
        return found

    async def commit(self, progress: Mapping[int, Progress]) -> None:
        self._house.check()
        reached = [(p, self._seat.generation(p), each) for p, each in progress.items()]
        mine = [(p, generation, each) for p, generation, each in reached if generation is not None]
        if mine:
            await self._write(lambda connection: groups.commit(connection, self._part.group, self.name, mine))

    def pause(self, partition: int) -> None:
        self._seat.pause(partition)

    def resume(self, partition: int) -> None:
        self._seat.resume(partition)

    async def release(self, partitions: Collection[int]) -> None:
        self._house.check()
        if free := self._seat.drop(partitions):
            await self._write(lambda connection: groups.release(connection, self._part.group, self.name, free))

    async def _write(self, work: Callable[[apsw.Connection], None], *, durable: bool = True) -> None:
        with self._house.faults:
            await self._house.writer.run(lambda: work(self._house.connection), durable=durable)

    # -- membership

    async def start(self) -> None:
        """Be there from now on."""
        async with self._looking:
            await self._look()
        name = f"headwater member {self.name} of {self._part.group_name}"
        self._task = asyncio.create_task(self._beat(), name=name)

    async def _beat(self) -> None:
        """Give signs of life, whatever the member's user does; hand over what is overdue."""
        while True:
            await self._rest()
            try:
                async with self._looking:
                    await self._look()
            except (StoreClosed, UnknownType):
                return
            except HeadwaterError as error:  # its partitions are lost when this goes on for a session
                log.warning("member %s of group %s cannot beat: %s", self.name, self._part.group_name, error)
                await self._house.clock.sleep(self._part.session / BEATS)

    async def _rest(self) -> None:
        """Until the next beat; less where something is to be handed over before."""
        now = self._house.clock.monotonic()
        wait = min([self._part.session / BEATS, *(until - now for until in self._due.values())])
        self._asked.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(wait, SHORTEST)):
                await self._asked.wait()

    async def _look(self) -> None:
        """Beat, see who is there, take and free what there is to. Only under `_looking`."""
        began = self._house.clock.monotonic()
        with self._house.faults:
            seen = await self._house.writer.run(self._act, durable=False)
        self._sure_until = began + self._part.session
        self._due = {p: self._due.get(p, began + self._part.drain) for p in seen.leaving}
        if self._due:
            self._asked.set()
        before, self._seen = self._seen, seen
        if before[1:] != seen[1:]:
            self._house.watch.notify()

    def _act(self) -> _Seen:
        """What a look does, in one transaction."""
        connection, group = self._house.connection, self._part.group
        if groups.state_of(connection, group) is None:
            raise UnknownType("topic", self._part.topic.topic.name)
        came = groups.beat(connection, group, self.name, self._part.session)
        signs = groups.beats(connection, group)
        now = self._house.clock.monotonic()
        alive = self._observer.alive(signs, now) | {self.name}
        dead = signs.keys() - alive
        held = groups.leases(connection, group)
        changed, leaving = self._change({p: each.lease for p, each in held.items()}, alive, now)
        groups.assign(connection, group, changed)
        groups.forget(connection, group, dead)
        if came or dead or changed:
            groups.stir(connection, group)
        held |= {p: groups.Held(lease, held[p].progress) for p, lease in changed.items()}
        state = groups.state_of(connection, group)
        return _Seen(state.version if state else 0, groups.assigned(held, self.name), leaving)

    def _change(
        self, leases: dict[int, Lease], alive: Collection[str], now: float
    ) -> tuple[dict[int, Lease], Collection[int]]:
        """The leases that are to change, and which partitions are to be handed over."""
        mine = [p for p, lease in leases.items() if lease.owner == self.name]
        changed = {p: leases[p].freed() for p in mine if self._due.get(p, now + 1) <= now}
        if now >= self._sure_until:  # its user may know already that they were lost: these are others
            changed |= {p: leases[p].taken(self.name) for p in mine if p not in changed}
        todo = step(self.name, alive, leases | changed)
        changed |= {p: (leases | changed)[p].taken(self.name) for p in todo.take}
        return changed, todo.leaving

    async def leave(self) -> None:
        if self._left:
            return
        self._left = True
        self._seat.sync({})
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._house.left(self)
        await self._write(lambda connection: groups.leave(connection, self._part.group, self.name), durable=False)

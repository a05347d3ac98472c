"""A member's place in its group: signs of life, leases on partitions, and progress, all in the bucket of keys.

A partition's lease and its group's progress are one entry, written only after the revision that was seen last. Whoever
has lost the partition has not seen the last one, so its commit is refused by the server itself, however late it comes.
Beats are counters: see `headwater.streaming.leases`. Core messages wake the others when there is something to see; one
that is lost costs a little time, as everybody looks now and then.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from headwater.adapters.nats.connection import Connection
from headwater.adapters.nats.keys import Entry, Keys, Outdated, Snapshot
from headwater.adapters.nats.topics import Names
from headwater.clock import Clock
from headwater.errors import HeadwaterError, StoreUnavailable, UnknownType
from headwater.fold import Topic
from headwater.streaming.leases import Beat, Lease, Observer, step
from headwater.streaming.records import Assigned, Progress

BEATS = 5  # in a session
LOOK_EVERY = 2.0  # seconds, at most
REMEMBERED = 60  # seconds after which the server forgets a beat, at least


@dataclass(eq=False)
class Held:
    """A partition that this member has: the lease's epoch, the progress, and the revision under which both are kept."""

    epoch: int
    progress: Progress
    revision: int


class Membership:
    """One member's part of a group's table. `changed` is called when something of it is different."""

    def __init__(
        self, connection: Connection, keys: Keys, names: Names, topic: Topic, group: str, name: str, session: float,
        drain: float, clock: Clock, changed: Callable[[], None],
    ) -> None:  # fmt: skip
        self.name = name
        self.held: dict[int, Held] = {}
        self.due: dict[int, float] = {}
        """What of that is to be handed over, and until when."""
        self.paused = False
        self.error: Exception | None = None
        self._connection = connection
        self._keys = keys
        self._topic = topic
        self._group = group
        self._wakes = names.wakes(topic.name, group)
        self._session = session
        self._drain = drain
        self._clock = clock
        self._changed = changed
        self._observer = Observer()
        self._number = 0
        self._beaten = clock.monotonic()  # before the last beat that was written
        self._written = 0  # the highest revision that is known here: a look further back is of no use
        self._stirred = asyncio.Event()
        self._table = asyncio.Lock()  # one at a time changes leases
        self._heard = 0
        self._task: asyncio.Task[None] | None = None
        self._left = False

    # -- life

    async def start(self) -> None:
        """Be a member from now on. Raises StoreUnavailable."""
        connection = self._connection
        await connection.persist(self._found)
        connection.listeners.add(self._stirred.set)
        self._heard = await connection.persist(lambda: connection.subscribe(self._wakes, self._woken))
        await connection.persist(self._beat)
        await connection.persist(self._look)
        await self.wake_others()
        self._task = asyncio.create_task(self._run(), name=f"nats-member {self._topic.name}/{self._group}")

    async def _found(self) -> None:
        key = group_key(self._topic.name, self._group)
        with suppress(Outdated):
            self._note(await self._keys.put(key, {"paused": False}, after=0))

    async def _run(self) -> None:
        pause = min(self._session / BEATS, LOOK_EVERY)
        while not self._left:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, self._soonest())):
                    await self._stirred.wait()
            self._stirred.clear()
            try:
                await self._tick(pause)
                self.error = None
            except Exception as error:  # whatever it is, the user's next call is told, and this goes on
                self._failed(error)
                await asyncio.sleep(0.05)

    def _soonest(self) -> float:
        """Seconds until the next partition is taken away."""
        return max(min(self.due.values(), default=float("inf")) - self._clock.monotonic(), 0.001)

    async def _tick(self, pause: float) -> None:
        if self._clock.monotonic() - self._beaten >= pause * 0.9:
            await self._beat()
        await self._look()

    def _failed(self, error: Exception) -> None:
        self.error = error
        if isinstance(error, UnknownType) or self._clock.monotonic() - self._beaten > self._session:
            self._lose(list(self.held))  # by now others may have them
        self._changed()

    async def leave(self) -> None:
        """Be a member no more, and have nothing. Twice is no error."""
        if self._left:
            return
        self._left = True
        self._connection.listeners.discard(self._stirred.set)
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._connection.unsubscribe(self._heard)
        with suppress(HeadwaterError):
            await self.free({partition: held.epoch for partition, held in self.held.items()})
            await self._keys.forget(beat_key(self._topic.name, self._group, self.name))
            await self.wake_others()
        self.held, self.due = {}, {}

    # -- waking

    async def _woken(self, message: Msg) -> None:
        if message.data in (b"pause", b"resume"):
            self.paused = message.data == b"pause"
            self._changed()
        self._stirred.set()

    async def wake_others(self) -> None:
        """Tell the others that there is something to see."""
        with suppress(StoreUnavailable):
            await self._connection.send(self._wakes)

    # -- the table

    def _note(self, revision: int) -> int:
        self._written = max(self._written, revision)
        return revision

    async def _beat(self) -> None:
        now = self._clock.monotonic()
        self._number += 1
        key = beat_key(self._topic.name, self._group, self.name)
        ttl = max(REMEMBERED, round(10 * self._session))
        self._note(await self._keys.put(key, [self._number, self._session], ttl=ttl))
        self._beaten = now

    async def _look(self) -> None:
        """See how things stand, and do what may be done about it. Raises UnknownType for a group that is no more."""
        async with self._table:
            topic, group = self._topic.name, self._group
            marker = group_key(topic, group)
            patterns = (marker, beat_key(topic, group, "*"), lease_key(topic, group, "*"))
            found = await self._keys.look(*patterns)
            if found.revision < self._written or marker not in found.entries:
                if await self._keys.get(marker) is None:
                    raise UnknownType("topic", topic)
                if found.revision < self._written:
                    self._stirred.set()  # the node that answered was behind
                    await asyncio.sleep(0.005)
                    return
            self.paused = bool(found.entries[marker].value["paused"])
            await self._act(found)

    async def _act(self, found: Snapshot) -> None:
        now = self._clock.monotonic()
        entries = _by_partition(found, lease_key(self._topic.name, self._group, ""))
        beats = _beats(found, beat_key(self._topic.name, self._group, ""))
        self._follow(entries)
        if self._clock.monotonic() - self._beaten > self._session:
            self._lose(list(self.held))
        leases = {p: self._lease(p, entries.get(p)) for p in range(self._topic.partitions)}
        todo = step(self.name, self._observer.alive(beats, now), leases)
        before = set(self.held), set(self.due)
        self.due = {p: self.due.get(p, now + self._drain) for p in todo.leaving if p in self.held}
        await asyncio.gather(*(self._take(p, entries.get(p)) for p in todo.take))
        over = {p: self.held[p].epoch for p, until in self.due.items() if until <= now}
        await self._free(over)
        strays = [p for p, entry in entries.items() if entry.value[0] == self.name and p not in self.held]
        await asyncio.gather(*(self._drop(p, entries[p]) for p in strays if p not in todo.take and p not in over))
        if over:
            await self.wake_others()
        if before != (set(self.held), set(self.due)):
            self._changed()

    def _follow(self, entries: Mapping[int, Entry]) -> None:
        """Lose what others have by now."""
        self._lose([
            p for p, held in self.held.items()
            if p not in entries or (entries[p].revision > held.revision and not self._mine(held, entries[p]))
        ])  # fmt: skip

    def _mine(self, held: Held, entry: Entry) -> bool:
        return bool(entry.value[0] == self.name and entry.value[1] == held.epoch)

    def _lease(self, partition: int, entry: Entry | None) -> Lease:
        """A lease as it is. One of this member that it has given up itself is free."""
        if entry is None:
            return Lease()
        owner, epoch = entry.value[:2]
        return Lease("" if owner == self.name and partition not in self.held else owner, epoch)

    def _lose(self, partitions: Collection[int]) -> None:
        for partition in partitions:
            self.held.pop(partition, None)
            self.due.pop(partition, None)
        if partitions:
            self._changed()

    async def _take(self, partition: int, entry: Entry | None) -> None:
        epoch = (entry.value[1] if entry else 0) + 1
        progress = Progress(*entry.value[2:4]) if entry else Progress(0)
        with suppress(Outdated):
            revision = await self._write(partition, [self.name, epoch, *progress], entry.revision if entry else 0)
            self.held[partition] = Held(epoch, progress, revision)

    async def _drop(self, partition: int, entry: Entry) -> None:
        with suppress(Outdated):
            await self._write(partition, ["", *entry.value[1:4]], entry.revision)

    async def _write(self, partition: int, value: list[Any], after: int) -> int:
        key = lease_key(self._topic.name, self._group, str(partition))
        return self._note(await self._keys.put(key, value, after=after))

    # -- what its user does

    async def free(self, epochs: Mapping[int, int]) -> None:
        """Hand over those of these partitions that are held under these epochs."""
        async with self._table:
            await self._free(epochs)
        self._stirred.set()
        await self.wake_others()

    async def _free(self, epochs: Mapping[int, int]) -> None:
        async def one(partition: int, held: Held) -> None:
            with suppress(Outdated):
                await self._write(partition, ["", held.epoch, *held.progress], held.revision)

        mine = {p: self.held[p] for p, epoch in epochs.items() if p in self.held and self.held[p].epoch == epoch}
        self._lose(list(mine))
        await asyncio.gather(*(one(partition, held) for partition, held in mine.items()))

    async def commit(self, partition: int, epoch: int, progress: Progress) -> None:
        """Note progress, if the partition is held under this epoch, and nobody else has it by now."""
        key = lease_key(self._topic.name, self._group, str(partition))
        while (held := self.held.get(partition)) and held.epoch == epoch and progress.next >= held.progress.next:
            try:
                held.revision = await self._write(partition, [self.name, epoch, *progress], held.revision)
                held.progress = progress
                return
            except Outdated:
                entry = await self._keys.get(key)
                if entry is None or not self._mine(held, entry):
                    if self.held.get(partition) is held:
                        self._lose([partition])
                    return
                held.revision = self._note(entry.revision)  # an answer was lost
                held.progress = Progress(*entry.value[2:4])

    def assigned(self) -> dict[int, Assigned]:
        """What is held now."""
        return {partition: Assigned(held.epoch, held.progress) for partition, held in self.held.items()}


def group_key(topic: str, group: str) -> str:
    """Under which a group is kept: that there is one, and whether it is paused."""
    return f"group.{topic}.{group}"


def lease_key(topic: str, group: str, partition: str) -> str:
    """Under which a partition's owner, the epoch, and the group's progress are kept."""
    return f"lease.{topic}.{group}.{partition}"


def beat_key(topic: str, group: str, member: str) -> str:
    """Under which a member shows that it is alive."""
    return f"beat.{topic}.{group}.{member}"


def _by_partition(found: Snapshot, prefix: str) -> dict[int, Entry]:
    return {int(key.removeprefix(prefix)): entry for key, entry in found.entries.items() if key.startswith(prefix)}


def _beats(found: Snapshot, prefix: str) -> dict[str, Beat]:
    return {
        key.removeprefix(prefix): Beat(*entry.value) for key, entry in found.entries.items() if key.startswith(prefix)
    }

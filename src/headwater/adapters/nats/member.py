"""A member of a group, as its user sees it."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress

from headwater.adapters.nats.connection import Connection
from headwater.adapters.nats.group import Membership
from headwater.adapters.nats.reader import Reader
from headwater.adapters.nats.topics import Topics
from headwater.errors import HeadwaterError, StoreClosed, StoreError
from headwater.fold import Topic
from headwater.messages import Record
from headwater.streaming.records import Assigned, Progress
from headwater.streaming.seat import Seat

LOOK_AFTER = 0.25  # seconds after which readers are looked after, at most
READ_BYTES = 32 * 1024 * 1024  # that may be asked for at once, by all readers together
EXTRA = 128 * 1024  # bytes of a record besides its value


class NatsMember:
    """Member of a group: a seat, what is held of the group's table, and a reader for each partition."""

    def __init__(self, connection: Connection, topics: Topics, topic: Topic) -> None:
        self._connection = connection
        self._topics = topics
        self._topic = topic
        self._seat = Seat()
        self._readers: dict[int, Reader] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stale = True  # the seat may differ from what is held
        self._left = False
        self._membership: Membership

    async def start(self, membership: Membership) -> None:
        """Take part from now on."""
        self._membership = membership
        await membership.start()

    def changed(self) -> None:
        """Something is different: whoever waits is to see."""
        self._stale = True
        self._woken.set()

    @property
    def name(self) -> str:
        return self._membership.name

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        return self._seat.assigned

    @property
    def leaving(self) -> Collection[int]:
        return self._seat.leaving

    @property
    def left(self) -> bool:
        """Whether it is a member no more."""
        return self._left

    # -- records

    async def fetch(self, limit: int, *, timeout: float) -> list[Record]:
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        await asyncio.sleep(0)
        while True:
            self._check()
            if self._stale and self._reassigned():
                return []
            self._woken.clear()
            if found := self._take(limit):
                return found
            left = give_up - now()
            if left <= 0:
                self._complain()
                return []
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, LOOK_AFTER)):
                    await self._woken.wait()

    def _check(self) -> None:
        if self._connection.closed:
            raise StoreClosed(self._connection.shown)
        if self._left:
            raise StoreClosed(self._connection.shown, "this member has left its group")
        for error in self._errors():
            if not isinstance(error, StoreError):  # it will not pass: the topic is no more, or worse
                raise error

    def _complain(self) -> None:
        """Say why nothing came, if there is a reason."""
        self._connection.check()
        for error in self._errors():
            raise error

    def _errors(self) -> list[BaseException]:
        """What keeps records from coming. A partition that is paused is not tended, and its last error says nothing."""
        readers = (self._readers.get(partition) for partition, _ in self._seat.wanted())
        places = (self._membership.error, *(reader.error for reader in readers if reader is not None))
        return [error for error in places if error is not None]

    def _reassigned(self) -> bool:
        self._stale = False
        before = self._seat.assigned
        changed = self._seat.sync(self._membership.assigned(), self._membership.due)
        after = self._seat.assigned
        for partition in list(self._readers):
            if partition not in after or after[partition].generation != before[partition].generation:
                self._close(partition)
        return changed

    def _take(self, limit: int) -> list[Record]:
        """The next records that are here; partitions that had a turn wait behind the others."""
        found: list[Record] = []
        if self._membership.paused or limit < 1:
            return found
        wanted = [(p, self._readers.get(p) or self._open(p, start)) for p, start in self._seat.wanted()]
        ready = all(reader.begun for _, reader in wanted)
        for partition, reader in wanted:
            if ready and reader.some and len(found) < limit:
                more = reader.take(limit - len(found))
                self._seat.fetched(partition, more[-1].offset + 1)
                found = found + more if found else more
            reader.tend()
        return found

    def _open(self, partition: int, start: int) -> Reader:
        share = READ_BYTES // len(self._seat.assigned)
        reader = self._readers[partition] = Reader(
            self._connection, self._topics, self._topic, partition, start,
            max(share, self._topic.max_record_bytes + EXTRA), self._woken.set,
        )  # fmt: skip
        return reader

    def _close(self, partition: int) -> None:
        if reader := self._readers.pop(partition, None):
            task = asyncio.create_task(reader.close(), name="nats-reader-close")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    # -- the group

    async def commit(self, progress: Mapping[int, Progress]) -> None:
        if self._connection.closed:
            raise StoreClosed(self._connection.shown)
        mine = ((p, self._seat.generation(p), reached) for p, reached in progress.items())
        work = [self._commit(p, epoch, reached) for p, epoch, reached in mine if epoch is not None]
        failed = [each for each in await asyncio.gather(*work, return_exceptions=True) if each is not None]
        for error in failed:
            raise error

    async def _commit(self, partition: int, epoch: int, progress: Progress) -> None:
        await self._connection.persist(lambda: self._membership.commit(partition, epoch, progress))

    def pause(self, partition: int) -> None:
        self._seat.pause(partition)

    def resume(self, partition: int) -> None:
        self._seat.resume(partition)
        self._woken.set()

    async def release(self, partitions: Collection[int]) -> None:
        epochs = self._seat.drop(partitions)
        for partition in epochs:
            self._close(partition)
        if epochs and not self._connection.closed:
            await self._membership.free(epochs)

    async def leave(self) -> None:
        if self._left:
            return
        self._left = True
        self._seat.sync({})
        for partition in list(self._readers):
            self._close(partition)
        self._woken.set()
        with suppress(HeadwaterError):
            await self._membership.leave()
        if self._closing:
            await asyncio.wait(self._closing)

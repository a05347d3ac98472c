"""A member of a group, as its user sees it."""

import asyncio
from collections.abc import Collection, Mapping

from headwater.adapters.kafka.address import Address
from headwater.adapters.kafka.holding import NOTHING
from headwater.adapters.kafka.working import Worker
from headwater.clock import Clock
from headwater.errors import StoreClosed, StoreUnavailable, UnknownType
from headwater.messages import Record
from headwater.streaming.records import Assigned, Progress
from headwater.streaming.seat import Seat

BEATS = 5  # signs of life in a session


class KafkaMember:
    """Member of a consumer group of Kafka's. What blocks is done by its worker, in a thread."""

    def __init__(
        self, address: Address, topic: str, group: str, name: str, session: float, drain: float, clock: Clock
    ) -> None:
        self.name = name
        self.left = False
        self.closed = False  # with the whole broker
        self._topic, self._gone = topic, False
        self._address, self._session, self._clock = address, session, clock
        self._seat = Seat()
        self._standing = NOTHING
        self._given_up: dict[int, int] = {}  # generations of partitions: what is left of them is stale
        self._stirred = asyncio.Event()
        self._worker = Worker(
            address.member(group, name, session, drain), address.reader(), topic, name, session, drain,
            address.shown, clock, self._stirred.set,
        )  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._beating: asyncio.TimerHandle
        self._beat()
        self._worker.start()

    def _beat(self) -> None:
        self._worker.beaten = self._clock.monotonic()
        self._beating = self._loop.call_later(self._session / BEATS, self._beat)

    @property
    def assigned(self) -> Mapping[int, Assigned]:
        return self._seat.assigned

    @property
    def leaving(self) -> Collection[int]:
        return self._seat.leaving

    async def fetch(self, limit: int, *, timeout: float) -> list[Record]:
        now = asyncio.get_running_loop().time
        give_up = now() + timeout
        await asyncio.sleep(0)  # as with any broker, others get on in between
        while True:
            self._check()
            self._stirred.clear()
            if self._reassigned():
                return []
            if records := self._next(limit):
                return records
            if fault := self._worker.fault:
                raise fault
            if now() >= give_up:
                return []
            await self._wait(give_up - now())

    def removed(self, topic: str) -> None:
        """A topic is no more. If it is this one, fetching says so at once: the cluster takes its time."""
        if topic == self._topic:
            self._gone = True
            self._stirred.set()

    def _check(self) -> None:
        if self.closed:
            raise StoreClosed(self._address.shown)
        if self.left:
            raise StoreClosed(self._address.shown, "this member has left its group")
        if self._gone:
            raise UnknownType("topic", self._topic)

    def _reassigned(self) -> bool:
        if (standing := self._worker.standing) is self._standing:
            return False
        self._standing = standing
        held = {
            partition: share.assigned for partition, share in standing.shares.items()
            if share.assigned.generation > self._given_up.get(partition, 0)
        }  # fmt: skip
        return self._seat.sync(held, standing.leaving)

    def _next(self, limit: int) -> list[Record]:
        found: list[Record] = []
        for partition, _ in self._seat.wanted():
            if len(found) >= limit:
                break
            if more := self._standing.shares[partition].take(limit - len(found)):
                self._seat.fetched(partition, more[-1].offset + 1)
                found += more
        return found

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        except TimeoutError:
            return

    async def commit(self, progress: Mapping[int, Progress]) -> None:
        if self.closed:
            raise StoreClosed(self._address.shown)
        mine = {
            partition: (generation, reached) for partition, reached in progress.items()
            if (generation := self._seat.generation(partition)) is not None
        }  # fmt: skip
        if not mine or self.left:
            return
        try:
            async with asyncio.timeout(self._address.patience + 1):
                await self._worker.commit(mine, self._address.patience)
        except TimeoutError as error:
            raise StoreUnavailable(self._address.shown, "no answer to a commit") from error

    def pause(self, partition: int) -> None:
        self._seat.pause(partition)

    def resume(self, partition: int) -> None:
        self._seat.resume(partition)
        self._stirred.set()

    async def release(self, partitions: Collection[int]) -> None:
        if self.closed:
            raise StoreClosed(self._address.shown)
        dropped = self._seat.drop(partitions)
        self._given_up |= dropped
        if dropped and not self.left:
            self._worker.release(dropped)

    async def leave(self) -> None:
        self.left = True
        self._seat.sync({})
        self._stirred.set()
        self._beating.cancel()
        self._worker.beaten = float("inf")
        over = self._worker.leave()
        await asyncio.wait([over], timeout=self._address.patience)

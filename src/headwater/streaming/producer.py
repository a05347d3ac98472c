"""Publishing for many callers at once: what comes together goes together, and too much is refused, not kept."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from headwater.clock import Clock, SystemClock
from headwater.errors import BadInput, HeadwaterError, Overloaded, StoreClosed
from headwater.fold import Topic
from headwater.messages import NewRecord
from headwater.streaming.port import MAX_BATCH, Broker, check_records
from headwater.streaming.records import Confirmed

log = logging.getLogger(__name__)

MAX_WAITING = 10_000  # records that wait for the broker at most
LOOK_EVERY = 0.25  # seconds between looks at how far behind the slowest group is
SHORTEST, LONGEST = 0.1, 30.0  # seconds that a producer is told to wait


class Job(NamedTuple):
    """Records of one caller, and who waits for them."""

    records: Sequence[NewRecord]
    future: asyncio.Future[list[Confirmed]]


class Producer:
    """Publishes to one topic, for any number of tasks; `run` must be running.

    Holds at most `waiting` records. When the slowest group of the topic is `topic.backlog` records behind, what more
    would be published is refused with Overloaded, which says when to try again: so many may be published between two
    looks as there were places left at the last one.
    """

    def __init__(self, broker: Broker, topic: Topic, *, waiting: int = MAX_WAITING, clock: Clock | None = None) -> None:
        self.topic = topic
        self._broker = broker
        self._bound = waiting
        self._clock = clock or SystemClock()
        self._jobs: deque[Job] = deque()
        self._waiting = 0
        self._wake = asyncio.Event()
        self._closed = False
        self._places = topic.backlog  # how many more records fit into the backlog
        self._retry_after = 1.0
        self._looked: tuple[float, int] | None = None  # when, and how long the backlog was

    async def publish(self, *records: NewRecord) -> list[Confirmed]:
        """Publish records, and return where they lie once the broker has them for good.

        Raises BadInput and Overloaded, with nothing published; what Broker.publish raises.
        """
        check_records(self.topic, records)
        if self._closed:
            raise StoreClosed(self._broker.address, "the producer has ended")
        if self._waiting + len(records) > self._bound:
            raise Overloaded(f"the queue of topic {self.topic.name!r}", self._bound, SHORTEST)
        if self._places is not None:
            if self._places < len(records):
                raise Overloaded(
                    f"the backlog of topic {self.topic.name!r}", self.topic.backlog or 0, self._retry_after
                )
            self._places -= len(records)
        future: asyncio.Future[list[Confirmed]] = asyncio.get_running_loop().create_future()
        self._jobs.append(Job(records, future))
        self._waiting += len(records)
        self._wake.set()
        return await future

    async def run(self) -> None:
        """Publish until cancelled. What has begun then is finished; what still waits is refused with StoreClosed."""
        try:
            async with asyncio.TaskGroup() as group:
                if self.topic.backlog is not None:
                    group.create_task(self._watch(), name=f"backlog of {self.topic.name}")
                while True:
                    await self._next()
        finally:
            self._closed = True
            for job in self._jobs:
                if not job.future.done():
                    job.future.set_exception(StoreClosed(self._broker.address, "the producer has ended"))

    async def _next(self) -> None:
        if not self._jobs:
            self._wake.clear()
            await self._wake.wait()
            await asyncio.sleep(0)  # for company
        jobs, count = [self._jobs.popleft()], len(self._jobs)
        size = len(jobs[0].records)
        while count and size + len(self._jobs[0].records) <= MAX_BATCH:
            job = self._jobs.popleft()
            jobs.append(job)
            size, count = size + len(job.records), count - 1
        work = asyncio.create_task(self._publish(jobs), name=f"publish to {self.topic.name}")
        try:
            await asyncio.shield(work)
        finally:
            await work  # what has begun is finished, even when this task is being cancelled
            self._waiting -= size

    async def _publish(self, jobs: Sequence[Job]) -> None:
        records = [record for job in jobs for record in job.records]
        try:
            confirmed = await self._broker.publish(self.topic.name, records)
        except BadInput:
            await self._one_by_one(jobs)
        except HeadwaterError as error:
            for job in jobs:
                if not job.future.done():
                    job.future.set_exception(error)
        else:
            start = 0
            for job in jobs:
                if not job.future.done():
                    job.future.set_result(confirmed[start : start + len(job.records)])
                start += len(job.records)

    async def _one_by_one(self, jobs: Sequence[Job]) -> None:
        """One caller's mistake is not that of the others."""
        for job in jobs:
            try:
                confirmed = await self._broker.publish(self.topic.name, job.records)
            except HeadwaterError as error:
                if not job.future.done():
                    job.future.set_exception(error)
            else:
                if not job.future.done():
                    job.future.set_result(confirmed)

    async def _watch(self) -> None:
        while True:
            try:
                groups = await self._broker.groups(self.topic.name)
            except StoreClosed:
                return
            except HeadwaterError as error:
                log.warning("topic %s: how far its groups are is not to be had: %s", self.topic.name, error)
            else:
                self._learn(max((group.records for group in groups), default=0))
            await self._clock.sleep(LOOK_EVERY)

    def _learn(self, behind: int) -> None:
        bound, now = self.topic.backlog or 0, self._clock.monotonic()
        self._places = max(0, bound - behind - self._waiting)
        if self._looked is not None and now > self._looked[0]:
            rate = (self._looked[1] - behind) / (now - self._looked[0])
            room = behind + bound // 10 - bound  # until a tenth of it is free
            self._retry_after = min(LONGEST, max(SHORTEST, room / rate)) if rate > 0 else 1.0
        self._looked = now, behind

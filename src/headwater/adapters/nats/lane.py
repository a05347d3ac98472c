"""Publishing to one partition: who comes first goes first, and those who wait go together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from headwater.adapters.nats.storing import Storing, lost
from headwater.errors import StoreClosed
from headwater.messages import NewRecord
from headwater.streaming.records import Confirmed

CHUNK = 4_000  # records on their way at once
CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(eq=False)
class Job:
    """Records of one publish for this partition, and where they lie once they do."""

    records: Sequence[NewRecord]
    done: "asyncio.Future[list[Confirmed]]"


class Lane:
    """One broker object's way to a partition. What is handed in first is stored first."""

    def __init__(self, storing: Storing, address: str) -> None:
        self.storing = storing
        self._address = address
        self._jobs: deque[Job] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._caller: asyncio.Future[None] | None = None  # done when the one that stores in its own task is

    def publish(self, records: Sequence[NewRecord]) -> "asyncio.Future[list[Confirmed]]":
        """Take records in; the future has their places. Raises (there) AcknowledgementLost, StoreError, UnknownType."""
        job = Job(records, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._go_on()
        return job.done

    async def publish_here(self, records: Sequence[NewRecord]) -> list[Confirmed]:
        """As `publish`, but in the caller's task if nobody else is at it: that saves two turns of the event loop."""
        if self._worker is not None or self._caller is not None:
            return await self.publish(records)
        caller = self._caller = asyncio.get_running_loop().create_future()
        places: list[Confirmed] = []
        try:
            await self._fill(places, records)
        except Exception as error:
            if places:
                raise lost(error) from error
            raise
        finally:
            self._caller = None
            caller.set_result(None)
            self._go_on()
        return places

    def _go_on(self) -> None:
        if self._jobs and self._worker is None and self._caller is None:
            self._worker = asyncio.create_task(self._work(), name="nats-lane")

    async def drained(self) -> None:
        """Return when everything that was taken in is done with."""
        while at_it := [each for each in (self._worker, self._caller) if each is not None]:
            await asyncio.wait(at_it)

    async def _work(self) -> None:
        try:
            while self._jobs:
                await self._together(self._next())
        finally:
            self._worker = None
            for job in self._jobs:
                _fail(job, StoreClosed(self._address))
            self._jobs.clear()

    def _next(self) -> list[Job]:
        """As many jobs as may go together; at least one."""
        jobs = [self._jobs.popleft()]
        count, size = len(jobs[0].records), _size(jobs[0].records)
        while self._jobs and count + len(self._jobs[0].records) <= CHUNK and size < CHUNK_BYTES:
            count, size = count + len(self._jobs[0].records), size + _size(self._jobs[0].records)
            jobs.append(self._jobs.popleft())
        return jobs

    async def _together(self, jobs: list[Job]) -> None:
        records = [record for job in jobs for record in job.records] if len(jobs) > 1 else jobs[0].records
        places: list[Confirmed] = []
        try:
            await self._fill(places, records)
        except asyncio.CancelledError:
            for job in jobs:
                _fail(job, StoreClosed(self._address))
            raise
        except Exception as error:
            for job in jobs:  # of which those that are all there are done
                if len(job.records) <= len(places):
                    _finish(job, places[: len(job.records)])
                else:
                    _fail(job, error if not places else lost(error))
                places = places[len(job.records) :]
        else:
            start = 0
            for job in jobs:
                _finish(job, places[start : start + len(job.records)])
                start += len(job.records)

    async def _fill(self, places: list[Confirmed], records: Sequence[NewRecord]) -> None:
        """Store records, and fill in where they lie, as far as that is known."""
        while (start := len(places)) < len(records):
            count = _fitting(records, start)
            places += await self.storing.store(records if count == len(records) else records[start : start + count])


def _size(records: Sequence[NewRecord]) -> int:
    return sum(len(record.value) for record in records)


def _fitting(records: Sequence[NewRecord], start: int) -> int:
    """How many of the records from there on may go at once; at least one."""
    size = 0
    for index in range(start, min(len(records), start + CHUNK)):
        size += len(records[index].value)
        if size > CHUNK_BYTES:
            return max(index - start, 1)
    return min(len(records) - start, CHUNK)


def _finish(job: Job, places: list[Confirmed]) -> None:
    if not job.done.done():
        job.done.set_result(places)


def _fail(job: Job, error: Exception) -> None:
    if not job.done.done():
        job.done.set_exception(error)

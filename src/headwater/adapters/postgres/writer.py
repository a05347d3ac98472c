"""The one writer of a store in this process: group commit.

Everything that wants to append queues here; one task sends all that has queued in one call, so round trip and fsync are
shared and throughput grows with concurrency. While a group is under way the next one gathers.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from headwater.adapters.postgres.faults import translate
from headwater.adapters.postgres.grouping import Group, Order
from headwater.adapters.postgres.kinds import Kinds
from headwater.adapters.postgres.sender import Inline, Sender
from headwater.adapters.postgres.server import Connection, Server
from headwater.clock import Clock
from headwater.errors import (
    AcknowledgementLost,
    IdReused,
    Overloaded,
    StoreClosed,
    StoreError,
    StreamClosed,
    WrongExpectedVersion,
)
from headwater.messages import Appended, Position

MAX_WAITING = 20_000
MAX_GROUP = 1_024
QUIET_TURNS = 2  # turns of the loop that bring nobody end the wait for company
FIND_APPEND = "SELECT first, last, versions, fingerprint FROM headwater.append WHERE id = %s"


class Job(msgspec.Struct, frozen=True, gc=False):
    """An append, and who waits for it."""

    order: Order
    future: asyncio.Future[Appended]


class Writer:
    """Appends in groups, each append judged on its own."""

    def __init__(self, server: Server, kinds: Kinds, clock: Clock, committed: Callable[[Position], None]) -> None:
        self._server = server
        self._store = server.address.shown
        self._kinds = kinds
        self._clock = clock
        self._committed = committed
        self._find = server.sql(FIND_APPEND)
        self._jobs: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._sender = Sender(server)
        self._versions: dict[str, int] = {}  # what streams have come to, for those who came with them
        self.inline: Inline | None = None
        self._task = asyncio.create_task(self._work(), name=f"headwater writer of {self._store}")

    async def append(self, order: Order) -> Appended:
        """Append in one of the next groups; return when that is durable. Cancelling the caller does not undo an append
        that has begun. Raises what `EventStore.append` raises."""
        if self._closing:
            raise StoreClosed(self._store)
        if len(self._jobs) >= MAX_WAITING:
            raise Overloaded("the queue of waiting writes", MAX_WAITING)
        job = Job(order, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._wake.set()
        return await job.future

    async def close(self) -> None:
        """Append what was accepted, then stop."""
        if not self._closing:
            self._closing = True
            self._wake.set()
            await self._task
            await self._sender.close()

    async def _work(self) -> None:
        while self._jobs or not self._closing:
            await self._gather()
            if self._jobs:
                jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_GROUP))]
                await self._settle([job for job in jobs if not job.future.cancelled()])
                self._versions.clear()  # later ones ask the server: it may have lost its last moments
            elif not self._closing:
                self._wake.clear()
                await self._wake.wait()

    async def _gather(self) -> None:
        """Wait for company, turn by turn of the loop, as long as it keeps coming."""
        quiet = 0
        while 1 < (waiting := len(self._jobs)) < MAX_GROUP and quiet < QUIET_TURNS and not self._closing:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._jobs) == waiting else 0

    # -- one group after the other

    async def _settle(self, jobs: Sequence[Job]) -> None:
        """Answer all of these jobs, in as many groups as it takes."""
        left = jobs
        try:
            await self._kinds.number_all(e for job in jobs for write in job.order.writes for e in write.events)
        except Exception as error:
            await self._spoiled(jobs, error)
            return
        try:
            while left:
                group, members, left = self._put_together(left)
                if members:
                    await self._append(group, members)
        except Exception as error:
            for job in jobs:  # those that have their answer keep it
                _fail(job, error)

    def _put_together(self, jobs: Sequence[Job]) -> tuple[Group, list[Job], list[Job]]:
        """A group, who is in it, and who waits for the next one."""
        group = Group(self._kinds.numbers, self._clock.now())
        members, later = list[Job](), list[Job]()
        for job in jobs:
            if outdated := self._outdated(job.order):
                _fail(job, outdated)
            else:
                (members if group.add(job.order) else later).append(job)
        return group, members, later

    def _outdated(self, order: Order) -> WrongExpectedVersion | None:
        """A stream is already known to be further than expected: no need to ask."""
        for write in order.writes:
            known = self._versions.get(write.stream)
            if known and write.expected is not None and write.expected < known and not order.id:
                return WrongExpectedVersion(write.stream, write.expected, known)
        return None

    async def _append(self, group: Group, members: Sequence[Job]) -> None:
        """Append a group and answer its members; of one that is refused, those to blame alone."""
        try:
            found = await self._sender.send(group, self.inline)
        except AcknowledgementLost as error:
            for job in members:
                if not job.order.id:
                    _fail(job, error)
            await self._settle([job for job in members if job.order.id])
            return
        except Exception as error:
            await self._spoiled(members, error)
            return
        if not found.refused:
            for job, result in zip(members, group.results(found), strict=True):
                _answer(job, result)
                self._versions.update(zip((w.stream for w in job.order.writes), result.versions, strict=True))
            self._committed(found.positions[-1])
            return
        verdict = group.judge(found)
        for number, refusal in verdict.failed:
            _fail(members[number], refusal)
        for number in verdict.repeated:
            await self._repeat(members[number])
        await self._settle([members[number] for number in verdict.going])
        await self._settle([members[number] for number in verdict.waiting])

    async def _spoiled(self, members: Sequence[Job], error: Exception) -> None:
        """The group failed as a whole, by one of its members or by the server. Alone, only the one to blame fails."""
        typed = translate(error, self._store)
        if isinstance(typed, StreamClosed):
            others = list[Job]()
            for job in members:
                if any(write.stream == typed.stream for write in job.order.writes):
                    _fail(job, typed)
                else:
                    others.append(job)
            await self._settle(others)
            return
        if len(members) > 1 and not isinstance(typed, StoreError):
            for job in members:
                await self._settle([job])
            return
        for job in members:
            _fail(job, typed)

    async def _repeat(self, job: Job) -> None:
        """Answer with the first result of the same id."""
        try:
            found = await self.find(job.order.id, job.order.fingerprint)
            assert found, "the server has found it"
            _answer(job, found)
        except Exception as error:
            _fail(job, error)

    async def find(self, id: str, fingerprint: str) -> Appended | None:
        """The result of an earlier append with that id. Raises IdReused if it was for something else."""

        async def find(connection: Connection) -> tuple[Any, ...] | None:
            return await (await connection.execute(self._find, (id,), prepare=True)).fetchone()

        row = await self._server.run(find)
        if row is None:
            return None
        first, last, versions, known = row
        if fingerprint and known and fingerprint != known:
            raise IdReused(id)
        return Appended(first, last, tuple(versions), repeated=True)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Connection]:
        """A transaction beside which nobody appends; on another connection than the writer's."""
        async with self._server.borrowed() as connection, connection.transaction():
            await connection.execute(self._server.sql("SELECT headwater.lock(true, '{}')"))
            yield connection


def _answer(job: Job, result: Appended) -> None:
    if not job.future.done():
        job.future.set_result(result)


def _fail(job: Job, error: BaseException) -> None:
    if not job.future.done():
        job.future.set_exception(error)

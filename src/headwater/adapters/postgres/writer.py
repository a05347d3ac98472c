"""The one writer of a store in this process: group commit.

Everything that wants to append queues here; one task sends all that has queued in one call, so round trip and fsync are
shared and throughput grows with concurrency. While a group is under way the next one gathers.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import msgspec
import psycopg

from headwater.adapters.postgres.faults import UNDONE, lost, translate
from headwater.adapters.postgres.grouping import Found, Group, Order
from headwater.adapters.postgres.kinds import Kinds
from headwater.adapters.postgres.server import Connection, Patience, Server
from headwater.clock import Clock
from headwater.errors import (
    AcknowledgementLost,
    IdReused,
    Overloaded,
    StoreClosed,
    StoreError,
    WrongExpectedVersion,
)
from headwater.messages import Appended, NewEvent, Position

MAX_WAITING = 20_000
MAX_GROUP = 1_024
QUIET_TURNS = 2  # turns of the loop that bring nobody end the wait for company
APPEND_ONE = "SELECT headwater.append_one(%s, %s, %s, %s, %s, %s, %s)"
APPEND_GROUP = f"SELECT * FROM headwater.append_group({', '.join(['%b'] * 13)}, %b, %t::text, %t::text)"
FIND_APPEND = "SELECT first, last, versions, fingerprint FROM headwater.append WHERE id = %s"


class Job(msgspec.Struct, frozen=True, gc=False):
    """An append, and who waits for it."""

    order: Order
    future: asyncio.Future[Appended]


class Inline(Protocol):
    """What moves with the appends, in their transaction."""

    def concerns(self, events: Sequence[NewEvent]) -> bool:
        """Whether these events move it."""

    async def advance(self, connection: Connection, last: Position) -> None:
        """Move up to the last position, on a connection whose transaction nobody else appends beside."""


class Writer:
    """Appends in groups, each append judged on its own."""

    def __init__(self, server: Server, kinds: Kinds, clock: Clock, committed: Callable[[Position], None]) -> None:
        self._server = server
        self._store = server.address.shown
        self._kinds = kinds
        self._clock = clock
        self._committed = committed
        self._one, self._group = server.sql(APPEND_ONE), server.sql(APPEND_GROUP)
        self._find = server.sql(FIND_APPEND)
        self._jobs: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._connection: Connection | None = None
        self._versions: dict[str, int] = {}  # what streams of the last group came to: they never go back
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
            await self._disconnect()

    async def _work(self) -> None:
        while self._jobs or not self._closing:
            await self._gather()
            if self._jobs:
                jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_GROUP))]
                await self._settle([job for job in jobs if not job.future.cancelled()])
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
            known = self._versions.get(write.stream, 0)
            if write.expected is not None and write.expected < known and not order.id:
                return WrongExpectedVersion(write.stream, write.expected, known)
        return None

    async def _append(self, group: Group, members: Sequence[Job]) -> None:
        """Append a group and answer its members; of one that is refused, those to blame alone."""
        try:
            found = await self._ask(group)
        except Exception as error:
            await self._spoiled(members, error)
            return
        if not found.refused:
            self._versions.clear()
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
        self._versions.clear()
        await self._settle([members[number] for number in verdict.going])
        await self._settle([members[number] for number in verdict.waiting])

    async def _spoiled(self, members: Sequence[Job], error: Exception) -> None:
        """The group failed as a whole, by one of its members or by the server. Alone, only the one to blame fails."""
        typed = translate(error, self._store)
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

    # -- asking the server

    async def _ask(self, group: Group) -> Found:
        """Try until the server has answered, as long as that is safe and the store's patience lasts.

        Safe is: what the server says it has undone, and what every member has an id for.
        """
        patience, sure = Patience(self._server.patience), all(order.id for order in group.orders)
        while True:
            sent = False
            try:
                connection = await self._connect()
                sent = True
                return await self._send(connection, group)
            except psycopg.Error as error:
                if lost(error):
                    await self._disconnect()
                again = isinstance(error, UNDONE) or (lost(error) and (sure or not sent))
                if again and await patience.allows():
                    continue
                if sent and lost(error) and not sure:
                    raise AcknowledgementLost(self._store, " ".join(str(error).split())) from error
                raise translate(error, self._store) from error

    async def _send(self, connection: Connection, group: Group) -> Found:
        inline = self.inline if self.inline and self.inline.concerns(group.events) else None
        if inline:
            group.close_gate()
            async with connection.transaction():
                found = await self._call(connection, group)
                if not found.refused:
                    await inline.advance(connection, found.positions[-1])
            return found
        return await self._call(connection, group)

    async def _call(self, connection: Connection, group: Group) -> Found:
        cursor = connection.cursor(binary=True)
        if group.single:
            await cursor.execute(self._one, group.single_arguments(), prepare=True)
            row: Any = await cursor.fetchone()
            version, *position = row[0]
            return Found(not position, [version], position, (), ())
        await cursor.execute(self._group, group.arguments(), prepare=True)
        row = await cursor.fetchone()
        refused, versions, positions, ids, matches = row
        return Found(refused, versions, positions or (), ids or (), matches or ())

    async def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await self._server.connect()
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            with suppress(psycopg.Error):
                await connection.close()

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

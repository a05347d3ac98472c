"""The one writer of a store in this process: group commit.

Everything that wants to write queues here; one task commits all that has queued in one transaction, so the fsync is
shared and throughput grows with concurrency. SQLite runs on the event loop's own thread: its calls take microseconds,
less than handing them to another thread and fighting over the interpreter lock costs (docs/decisions/0003). Only
*waiting* moves to a thread: for a lock that another process holds, for a disk whose fsync is slow, for a checkpoint.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

import apsw
import msgspec

from headwater.adapters.sqlite.faults import translate
from headwater.errors import HeadwaterError, Overloaded, StoreClosed, StoreError

T = TypeVar("T")
Outcome = tuple[asyncio.Future[Any], Any, BaseException | None]

MAX_WAITING = 20_000
MAX_GROUP = 1_024
QUIET_TURNS = 3  # turns of the loop that bring nobody end the wait for company
SLOW_COMMIT = 0.002  # seconds: above this, a commit waits in a thread
CHECKPOINT_PAGES = 4_000  # pages of write-ahead log before it is copied back (16 MB)
LOG_BYTES = 16 * 1024 * 1024
IN_EARNEST = 16  # transactions after which the log is given its full size


class Job(msgspec.Struct, frozen=True, gc=False):
    """Work for one transaction, and who waits for it."""

    work: Callable[[], Any]
    future: asyncio.Future[Any]
    durable: bool

    def run(self) -> Outcome:
        """The work's result, or its refusal, which concerns nobody else."""
        try:
            return self.future, self.work(), None
        except HeadwaterError as refused:
            return self.future, None, refused


class Hooks(Protocol):
    """What the writer calls around each transaction; all synchronous, on the writer's connection."""

    def begun(self) -> None:
        """The transaction holds the write lock."""

    def before_commit(self) -> None:
        """All jobs of the group have run."""

    def committed(self) -> None:
        """The group is durable."""

    def rolled_back(self) -> None:
        """Nothing of the group was kept."""


class Writer:
    """Runs jobs on `connection`, many to a transaction, each judged on its own."""

    def __init__(
        self, connection: apsw.Connection, store: str, hooks: Hooks, *, durable: bool, lock_timeout: float
    ) -> None:
        self._connection = connection
        self._store = store
        self._hooks = hooks
        self._durable = self._synced = durable
        self._lock_timeout = lock_timeout
        self._jobs: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._commit_seconds = 0.0
        self._wal_pages = 0
        self._transactions = 0
        self._last_group = 0
        self._grown = not connection.filename
        self.busy = False  # a transaction or a checkpoint is under way, perhaps in the thread
        self._hurried = False
        self._thread = ThreadPoolExecutor(1, "headwater-sqlite-wait")
        connection.set_wal_hook(self._count_wal)
        connection.set_busy_timeout(0)
        self._task = asyncio.create_task(self._work(), name=f"headwater writer of {store}")

    async def run(self, work: Callable[[], T], *, durable: bool = True) -> T:
        """Run `work` inside the next transaction; return its result when that is committed, and fsynced if `durable`.

        `work` is synchronous. If it raises a HeadwaterError it must have written nothing, and it alone fails.
        Cancelling the caller does not undo work that has begun. Raises Overloaded when too much waits, StoreClosed.
        """
        if self._closing:
            raise StoreClosed(self._store)
        if len(self._jobs) >= MAX_WAITING:
            raise Overloaded("the queue of waiting writes", MAX_WAITING)
        loop = asyncio.get_running_loop()
        job = Job(work, loop.create_future(), durable)
        if self._may_hurry() and self._hurry(loop, job):
            await asyncio.sleep(0)
        else:
            self._jobs.append(job)
            self._wake.set()
        return cast("T", await job.future)

    def _may_hurry(self) -> bool:
        """Whether a job may be committed at once instead of waiting for company: if it is likely to stay alone."""
        alone = self._last_group == 1 and not self._jobs and not self.busy and not self._hurried
        return alone and self._commit_seconds <= SLOW_COMMIT

    def _hurry(self, loop: asyncio.AbstractEventLoop, job: Job) -> bool:
        """Commit one job at once, at most once in each turn of the loop. False if that cannot even begin."""
        self._sync(job.durable)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error:
            return False
        self._hurried = True
        loop.call_soon(self._next_turn)
        outcomes: list[Outcome]
        try:
            outcomes = self._inside([job])
            self._commit_here()
        except Exception as error:
            self._undo()
            outcomes = [(job.future, None, translate(error, self._store))]
        else:
            self._hooks.committed()
        self._answer(outcomes)
        self._transactions += 1
        if self._chores():
            self._wake.set()
        return True

    def _next_turn(self) -> None:
        self._hurried = False

    async def close(self) -> None:
        """Commit what was accepted, then stop."""
        if not self._closing:
            self._closing = True
            self._wake.set()
            await self._task
            await self._checkpoint()
            self._thread.shutdown()

    async def _work(self) -> None:
        while self._jobs or not self._closing:
            await self._gather()
            self.busy = True
            if self._jobs:
                group = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_GROUP))]
                await self._settle(group)
                self._last_group = len(group)
                self._transactions += 1
            if self._chores():
                await self._do_chores()
            self.busy = False
            if not self._jobs and not self._closing:
                self._wake.clear()
                await self._wake.wait()

    async def _gather(self) -> None:
        """Wait for company, turn by turn of the loop, as long as it keeps coming: an fsync costs what it costs."""
        quiet = 0
        while 1 < (waiting := len(self._jobs)) < MAX_GROUP and quiet < QUIET_TURNS and not self._closing:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._jobs) == waiting else 0

    def _chores(self) -> bool:
        return self._wal_pages >= CHECKPOINT_PAGES or (self._transactions >= IN_EARNEST and not self._grown)

    async def _do_chores(self) -> None:
        if not self._grown:
            self._grown = True
            await self._in_thread(self._grow_log)
        if self._wal_pages >= CHECKPOINT_PAGES:
            await self._checkpoint()

    async def _settle(self, group: list[Job]) -> None:
        """Run a group in one transaction. If one job spoils it, run each in a transaction of its own."""
        try:
            outcomes = await self._transact(group)
        except Exception as error:
            failure = translate(error, self._store)
            if len(group) > 1 and not isinstance(failure, StoreError):
                for job in group:
                    await self._settle([job])
                return
            outcomes = [(job.future, None, failure) for job in group]
        self._answer(outcomes)

    @staticmethod
    def _answer(outcomes: list[Outcome]) -> None:
        for future, result, failure in outcomes:
            if future.done():
                continue
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    async def _transact(self, group: list[Job]) -> list[Outcome]:
        self._sync(any(job.durable for job in group))
        await self._begin()
        try:
            outcomes = self._inside(group)
            await self._commit()
        except BaseException:
            self._undo()
            raise
        self._hooks.committed()
        return outcomes

    def _inside(self, group: list[Job]) -> list[Outcome]:
        self._hooks.begun()
        outcomes = [job.run() for job in group if not job.future.cancelled()]
        self._hooks.before_commit()
        return outcomes

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._hooks.rolled_back()

    def _sync(self, wanted: bool) -> None:
        """Have the next commit fsynced or not; never where the whole store is not durable."""
        if self._durable and wanted != self._synced:
            self._synced = wanted
            self._connection.execute(f"PRAGMA synchronous={'FULL' if wanted else 'NORMAL'}")

    async def _begin(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            await self._in_thread(self._begin_patiently)

    def _begin_patiently(self) -> None:
        give_up = time.monotonic() + self._lock_timeout

        def wait(_attempt: int) -> bool:
            time.sleep(0.001)
            return time.monotonic() < give_up

        self._connection.set_busy_handler(wait)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        finally:
            self._connection.set_busy_handler(None)

    async def _commit(self) -> None:
        if self._commit_seconds > SLOW_COMMIT:
            await self._in_thread(self._commit_here)
        else:
            self._commit_here()

    def _commit_here(self) -> None:
        start = time.perf_counter()
        self._connection.execute("COMMIT")
        self._commit_seconds += 0.2 * (time.perf_counter() - start - self._commit_seconds)

    async def _checkpoint(self) -> None:
        """Copy the write-ahead log back, while nothing is written, so that it starts over and stays small."""
        self._wal_pages = 0
        with suppress(apsw.Error):  # on a full disk, say: the log goes on, and the next commit asks for this again
            await self._in_thread(lambda: self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())

    def _grow_log(self) -> None:
        """Give the write-ahead log its full size at once, by a transaction that is too big for the cache and rolled
        back: an fsync of a file that does not grow is a third cheaper (docs/decisions/0003)."""
        with suppress(apsw.Error):  # it is only for speed
            cache = self._connection.execute("PRAGMA cache_size").get
            self._connection.execute("PRAGMA cache_size=20")
            try:
                self._connection.execute("BEGIN IMMEDIATE; CREATE TABLE padding (bytes)")
                self._connection.execute("INSERT INTO padding VALUES (zeroblob(?))", (LOG_BYTES,))
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._connection.execute(f"PRAGMA cache_size={cache}")

    async def _in_thread(self, wait: Callable[[], Any]) -> None:
        if self._connection.filename:
            await asyncio.get_running_loop().run_in_executor(self._thread, wait)
        else:
            wait()  # in memory nothing takes long, and readers share the connection

    def _count_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return 0

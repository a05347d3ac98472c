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
from typing import Any, NamedTuple, Protocol, TypeVar

import apsw

from headwater.adapters.sqlite.faults import translate
from headwater.errors import HeadwaterError, Overloaded, StoreClosed

T = TypeVar("T")
Outcome = tuple[asyncio.Future[Any], Any, BaseException | None]

MAX_WAITING = 20_000
MAX_GROUP = 1_024
SLOW_COMMIT = 0.002  # seconds: above this, a commit waits in a thread
CHECKPOINT_PAGES = 8_000  # pages of write-ahead log before it is copied back (32 MB)


class Job(NamedTuple):
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
        self._thread = ThreadPoolExecutor(1, "headwater-sqlite-wait")
        connection.set_wal_hook(self._count_wal)
        connection.set_busy_timeout(0)
        self._task = asyncio.create_task(self._work(), name=f"headwater writer of {store}")

    def submit(self, work: Callable[[], T], *, durable: bool = True) -> asyncio.Future[T]:
        """Queue `work` for the next transaction; the future ends when that is committed, and fsynced if `durable`.

        `work` runs synchronously inside the transaction. If it raises a HeadwaterError it must have written nothing,
        and it alone fails. Raises Overloaded when too much is waiting, StoreClosed.
        """
        if self._closing:
            raise StoreClosed(self._store)
        if len(self._jobs) >= MAX_WAITING:
            raise Overloaded("the queue of waiting writes", MAX_WAITING)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append(Job(work, future, durable))
        self._wake.set()
        return future

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
            if not self._jobs:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = [self._jobs.popleft() for _ in range(min(len(self._jobs), MAX_GROUP))]
            await self._settle(group)
            if self._wal_pages >= CHECKPOINT_PAGES:
                await self._checkpoint()

    async def _settle(self, group: list[Job]) -> None:
        """Run a group in one transaction. If that fails as a whole, run each job in one of its own."""
        try:
            outcomes = await self._transact(group)
        except Exception as error:
            if len(group) > 1:
                for job in group:
                    await self._settle([job])
                return
            outcomes = [(group[0].future, None, translate(error, self._store))]
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
            self._hooks.begun()
            outcomes = [job.run() for job in group if not job.future.cancelled()]
            self._hooks.before_commit()
            await self._commit()
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._hooks.rolled_back()
            raise
        self._hooks.committed()
        return outcomes

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
        start = time.perf_counter()
        if self._commit_seconds > SLOW_COMMIT:
            await self._in_thread(lambda: self._connection.execute("COMMIT"))
        else:
            self._connection.execute("COMMIT")
        self._commit_seconds += 0.2 * (time.perf_counter() - start - self._commit_seconds)

    async def _checkpoint(self) -> None:
        """Copy the write-ahead log back, while nothing is written, so that it starts over and stays small."""
        self._wal_pages = 0
        await self._in_thread(lambda: self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())

    async def _in_thread(self, wait: Callable[[], Any]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, wait)

    def _count_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return 0

"""Keys of personal data in a SQLite file of their own. Several processes may use one file."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import apsw

from headwater.adapters.sqlite.erasing import scrub_here
from headwater.adapters.sqlite.faults import reading, translated
from headwater.adapters.sqlite.files import SMALL_CACHE_KIB, Layout, connect, file_exists, prepare
from headwater.clock import Clock, SystemClock
from headwater.errors import StoreClosed, StoreNotFound
from headwater.keys.port import SECRET_BYTES, SubjectKey, new_key

APPLICATION_ID = 0x48576B79  # "HWky": marks the file as ours
LOCK_TIMEOUT_MS = 10_000

TABLES = """
-- One row per subject. Of a key that was destroyed the row stays, without the secret.
CREATE TABLE key (
    id        TEXT PRIMARY KEY,
    subject   TEXT NOT NULL UNIQUE,
    secret    BLOB NOT NULL,
    created   INTEGER NOT NULL,
    destroyed INTEGER NOT NULL DEFAULT 0,
    by        TEXT NOT NULL DEFAULT ''
);
-- How many keys were destroyed.
CREATE TABLE generation (number INTEGER NOT NULL);
INSERT INTO generation VALUES (0);
"""
KEYS = Layout("key store", APPLICATION_ID, (TABLES,))

COLUMNS = "id, subject, secret, created, destroyed, by"
MAKE = "INSERT INTO key (id, subject, secret, created) VALUES (?, ?, ?, ?) ON CONFLICT (subject) DO NOTHING"
OVERWRITE = "UPDATE key SET secret = zeroblob(?) WHERE subject = ? AND destroyed = 0"
DESTROY = "UPDATE key SET secret = x'', destroyed = ?, by = ? WHERE subject = ? AND destroyed = 0"


class SqliteKeys:
    """KeyStore on SQLite. Keys are read at once, on the event loop's thread; changes wait in a thread of their own, for
    others' locks and for the disk."""

    shared = True

    def __init__(self, path: str, writer: apsw.Connection, reader: apsw.Connection, clock: Clock) -> None:
        self.address = f"sqlite:///{path}"
        self._path = path
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "headwater-keys")
        self._faults = reading(path)
        self._closed = False

    @classmethod
    async def open(cls, path: str, *, create: bool = True, clock: Clock | None = None) -> Self:
        """Open the keys in a file, made if it is not there and `create`. Raises StoreNotFound, StoreCorrupt,
        StoreTooNew, StoreReadOnly."""
        if not create and not file_exists(path):
            raise StoreNotFound(path, "there is no such file")
        with translated(path):
            writer, reader = connect(path, cache_kib=SMALL_CACHE_KIB), connect(path, cache_kib=SMALL_CACHE_KIB)
            prepare(writer, path, KEYS, create=create)
            writer.set_busy_timeout(LOCK_TIMEOUT_MS)
            writer.execute("PRAGMA secure_delete=ON; PRAGMA wal_autocheckpoint=1000").fetchall()
        return cls(path, writer, reader, clock or SystemClock())

    async def provide(self, subjects: Collection[str]) -> list[SubjectKey]:
        found = self._select("subject", subjects)
        there = {key.subject for key in found}
        now = self._clock.now()
        missing = [new_key(subject, now) for subject in subjects if subject not in there]
        if not missing:
            return found
        await self._change(lambda: self._make(missing))
        return found + self._select("subject", [key.subject for key in missing])  # another process may have been first

    def _make(self, keys: Collection[SubjectKey]) -> None:
        self._writer.executemany(MAKE, [(key.id, key.subject, key.secret, key.created) for key in keys])

    async def find(self, ids: Collection[str]) -> list[SubjectKey]:
        return self._select("id", ids)

    async def look_up(self, subject: str) -> SubjectKey | None:
        return next(iter(self._select("subject", [subject])), None)

    def _select(self, column: str, values: Collection[str]) -> list[SubjectKey]:
        self._check_open()
        with self._faults:
            sql, cursor = f"SELECT {COLUMNS} FROM key WHERE {column} = ?", self._reader.cursor()
            rows: list[Any] = [row for value in values for row in cursor.execute(sql, (value,))]
            return [SubjectKey(*row) for row in rows]

    async def destroy(self, subject: str, by: str) -> SubjectKey | None:
        now = self._clock.now()
        await self._change(lambda: self._writer.execute(OVERWRITE, (SECRET_BYTES, subject)))
        await self._change(lambda: self._destroy(subject, by, now))
        if (found := await self.look_up(subject)) is not None:
            await asyncio.to_thread(scrub_here, self._path)
        return found

    def _destroy(self, subject: str, by: str, now: int) -> None:
        self._writer.execute(DESTROY, (now, by, subject))
        if self._writer.changes():
            self._writer.execute("UPDATE generation SET number = number + 1")

    async def generation(self) -> int:
        self._check_open()
        with self._faults:
            number: int = self._reader.execute("SELECT number FROM generation").get
        return number

    async def _change(self, work: Callable[[], object]) -> None:
        """Do this in a transaction, on the disk when this returns."""
        self._check_open()
        with self._faults:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def _transact(self, work: Callable[[], object]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            work()
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed(self.address)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
            self._writer.close()
            self._reader.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self.close())

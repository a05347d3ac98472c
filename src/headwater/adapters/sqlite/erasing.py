"""Leaving nothing of what was deleted or changed: neither in free pages of a file nor in its write-ahead log."""

import asyncio
import time

import apsw

from headwater.adapters.sqlite.faults import translated
from headwater.adapters.sqlite.files import SMALL_CACHE_KIB, connect
from headwater.errors import StoreLocked

IN_MEMORY = ":memory:"
PATIENCE = 10.0  # seconds to wait for others to let go of the file
PAUSE = 0.01


async def scrub(path: str) -> None:
    """`scrub_here`, in a thread; there is nothing to do for what is kept in memory."""
    if path != IN_MEMORY:
        await asyncio.to_thread(scrub_here, path)


def scrub_here(path: str) -> None:
    """Write the file anew without what is deleted, and empty its write-ahead log. It takes as long as copying the file,
    and nobody writes meanwhile. Raises StoreLocked where others are reading all the while, StoreError."""
    with translated(path):
        connection = connect(path, cache_kib=SMALL_CACHE_KIB)
        try:
            _scrub(connection, path, time.monotonic() + PATIENCE)
        finally:
            connection.close()


def _scrub(connection: apsw.Connection, path: str, give_up: float) -> None:
    connection.set_busy_timeout(0)
    connection.execute("PRAGMA secure_delete=ON").fetchall()
    while True:
        try:
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
        except apsw.BusyError:
            busy = 1
        if not busy:
            return
        if time.monotonic() > give_up:
            raise StoreLocked(path, "others use it all the while: pages with what was deleted may be left")
        time.sleep(PAUSE)

"""SQLite files: connections to them, and what they have to be."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from headwater.adapters.sqlite.faults import translated
from headwater.errors import StoreCorrupt, StoreNotFound, StoreTooNew

CACHE_KIB = 64 * 1024
SMALL_CACHE_KIB = 2 * 1024
SMALLEST_PAGE = 512


class Layout(NamedTuple):
    """What a file is: in a word, by which number it is marked, and what makes each version of its tables out of the
    one before it."""

    what: str
    application_id: int
    steps: Sequence[str]

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.steps)


def connect(path: str, *, durable: bool = True, cache_kib: int = CACHE_KIB) -> apsw.Connection:
    """A connection with our settings. `durable`: fsync before every acknowledgement."""
    connection = apsw.Connection(path, statementcachesize=500)
    connection.set_busy_timeout(5000)
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").fetchall()
    connection.execute(f"PRAGMA wal_autocheckpoint=0; PRAGMA cache_size={-cache_kib}").fetchall()
    return connection


def prepare(connection: apsw.Connection, path: str, layout: Layout, *, create: bool) -> None:
    """Check what the file is; make the tables in an empty one, and those that an older one does not have.

    Raises StoreNotFound, StoreCorrupt, StoreTooNew, StoreLocked, StoreReadOnly.
    """
    with translated(path):
        marked, version, objects = _identity(connection)
        if not objects and not version and not marked:
            if not create:
                raise StoreNotFound(path, f"there is no {layout.what} in this file")
            _check_empty(path, layout)
            _make(connection, layout)
        elif marked != layout.application_id:
            raise StoreCorrupt(path, f"this SQLite file is not a Headwater {layout.what}")
        elif version > layout.version:
            why = f"the {layout.what} has schema version {version}, this Headwater knows {layout.version}"
            raise StoreTooNew(path, why)
        elif version < layout.version:
            _migrate(connection, path, layout)


def _check_empty(path: str, layout: Layout) -> None:
    """SQLite takes a file that is too short for a database for an empty one, and would overwrite it."""
    if Path(path).exists() and 0 < Path(path).stat().st_size < SMALLEST_PAGE:
        raise StoreCorrupt(path, f"this file is not a Headwater {layout.what}")


def _identity(connection: apsw.Connection) -> tuple[int, int, int]:
    marked = version = objects = 0
    with connection:  # all as of one moment: another process may be making the tables
        marked = connection.execute("PRAGMA application_id").get
        version = connection.execute("PRAGMA user_version").get
        objects = connection.execute("SELECT count(*) FROM sqlite_schema").get
    return marked, version, objects


def _make(connection: apsw.Connection, layout: Layout) -> None:
    _switch_to_wal(connection)
    with _alone(connection):
        if not connection.execute("SELECT count(*) FROM sqlite_schema").get:  # another process may have been first
            _take_steps(connection, layout, 0)
            connection.execute(f"PRAGMA application_id={layout.application_id}").fetchall()


def _migrate(connection: apsw.Connection, path: str, layout: Layout) -> None:
    """Bring an older file to this version, in one transaction. What is in it already stays as it is."""
    with _alone(connection):
        version: int = connection.execute("PRAGMA user_version").get
        try:
            _take_steps(connection, layout, version)  # none, where another process was first
        except apsw.SQLError as error:  # a view of the user's has the name of a table that is new
            why = f"it cannot be brought from schema version {version} to {layout.version}: {error}"
            raise StoreCorrupt(path, why) from error


def _take_steps(connection: apsw.Connection, layout: Layout, version: int) -> None:
    for step in layout.steps[version:]:
        connection.execute(step)
    connection.execute(f"PRAGMA user_version={max(version, layout.version)}").fetchall()


@contextmanager
def _alone(connection: apsw.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _switch_to_wal(connection: apsw.Connection) -> None:
    """For this SQLite does not wait while another process looks at the file, so it is tried again."""
    for pause in (*[0.005] * 1000, None):
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except apsw.BusyError:
            if pause is None:
                raise
            time.sleep(pause)


def file_exists(path: str) -> bool:
    """Whether there is anything at the path (an in-memory store counts as there)."""
    return path == ":memory:" or Path(path).exists()

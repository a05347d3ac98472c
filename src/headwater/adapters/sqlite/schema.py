"""The tables of a SQLite store, and opening a file that holds them."""

import time
from pathlib import Path

import apsw

from headwater.adapters.sqlite.faults import translated
from headwater.errors import StoreCorrupt, StoreNotFound, StoreTooNew

APPLICATION_ID = 0x48576174  # "HWat": marks the file as ours
SCHEMA_VERSION = 1
CACHE_KIB = 64 * 1024
SMALL_CACHE_KIB = 2 * 1024
SMALLEST_PAGE = 512

TABLES = """
-- The store's own name: the first part of event ids.
CREATE TABLE store (id TEXT NOT NULL);
INSERT INTO store VALUES (lower(hex(randomblob(8))));

-- One row per event. The row number is the position; columns that repeat are numbers into `stream` and `kind`.
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    data     TEXT NOT NULL,
    meta     TEXT NOT NULL  -- JSON, empty where there is nothing to say
);
CREATE UNIQUE INDEX event_of_stream ON event (stream, version);

CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE kind (id INTEGER PRIMARY KEY, type TEXT NOT NULL, version INTEGER NOT NULL, UNIQUE (type, version));

-- Conditions and queries by tag choose by tag first.
CREATE TABLE tag (tag TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (tag, position)) WITHOUT ROWID;

-- Appends that came with an id, so that a repeated one returns its first result.
CREATE TABLE append (
    id          TEXT PRIMARY KEY,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    versions    TEXT NOT NULL,
    fingerprint TEXT NOT NULL
) WITHOUT ROWID;

-- One row per build of a view: `position` is its checkpoint, `epoch` rises whenever a runner takes it over.
CREATE TABLE view_build (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    definition  TEXT NOT NULL,
    position    INTEGER NOT NULL DEFAULT 0,
    epoch       INTEGER NOT NULL DEFAULT 0,
    live        INTEGER NOT NULL DEFAULT 0
);

-- How far each reaction has worked off the events, and the commands that wait for their time.
CREATE TABLE checkpoint (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE timer (
    key     TEXT PRIMARY KEY,
    id      TEXT NOT NULL,
    due     INTEGER NOT NULL,
    command TEXT NOT NULL,
    data    TEXT NOT NULL,
    meta    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX timer_by_due ON timer (due);

-- For people and their SQL tools.
CREATE VIEW events AS
    SELECT position, stream.name AS stream, event.version AS stream_version, kind.type, kind.version AS type_version,
           strftime('%Y-%m-%dT%H:%M:%fZ', time / 1e6, 'unixepoch') AS time, data, meta
    FROM event JOIN stream ON stream.id = event.stream JOIN kind ON kind.id = event.kind;
"""


def connect(path: str, *, durable: bool = True, cache_kib: int = CACHE_KIB) -> apsw.Connection:
    """A connection with this store's settings. `durable`: fsync before every acknowledgement."""
    connection = apsw.Connection(path, statementcachesize=500)
    connection.set_busy_timeout(5000)
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").fetchall()
    connection.execute(f"PRAGMA wal_autocheckpoint=0; PRAGMA cache_size={-cache_kib}").fetchall()
    return connection


def prepare(connection: apsw.Connection, path: str, *, create: bool) -> None:
    """Check that the file is a store of this version; make the tables in an empty one.

    Raises StoreNotFound, StoreCorrupt, StoreTooNew, StoreLocked, StoreReadOnly.
    """
    with translated(path):
        marked, version, objects = _identity(connection)
        if not objects and not version and not marked:
            if not create:
                raise StoreNotFound(path, "there is no store in this file")
            _check_empty(path)
            _make(connection)
        elif marked != APPLICATION_ID:
            raise StoreCorrupt(path, "this SQLite file is not a Headwater store")
        elif version > SCHEMA_VERSION:
            raise StoreTooNew(path, f"the store has schema version {version}, this Headwater knows {SCHEMA_VERSION}")


def _check_empty(path: str) -> None:
    """SQLite takes a file that is too short for a database for an empty one, and would overwrite it."""
    if Path(path).exists() and 0 < Path(path).stat().st_size < SMALLEST_PAGE:
        raise StoreCorrupt(path, "this file is not a Headwater store")


def _identity(connection: apsw.Connection) -> tuple[int, int, int]:
    marked = version = objects = 0
    with connection:  # all as of one moment: another process may be making the tables
        marked = connection.execute("PRAGMA application_id").get
        version = connection.execute("PRAGMA user_version").get
        objects = connection.execute("SELECT count(*) FROM sqlite_schema").get
    return marked, version, objects


def _make(connection: apsw.Connection) -> None:
    _switch_to_wal(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_schema").get:  # another process may have been first
            connection.execute(TABLES)
            connection.execute(
                f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION}"
            ).fetchall()
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

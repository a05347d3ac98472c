"""The tables of a SQLite store."""

from headwater.adapters.sqlite.delivery_schema import DELIVERY
from headwater.adapters.sqlite.files import Layout
from headwater.adapters.sqlite.removal_schema import REMOVAL
from headwater.adapters.sqlite.snapshot_schema import SNAPSHOTS

APPLICATION_ID = 0x48576174  # "HWat": marks the file as ours

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

STEPS = TABLES, DELIVERY, SNAPSHOTS, REMOVAL
"""What makes each version of the schema out of the one before it. Files of all of them are about: steps are added, and
never changed."""
SCHEMA_VERSION = len(STEPS)

STORE = Layout("store", APPLICATION_ID, STEPS)

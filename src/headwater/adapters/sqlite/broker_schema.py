"""The tables of a SQLite broker."""

from headwater.adapters.sqlite.files import Layout

APPLICATION_ID = 0x48576272  # "HWbr": no store's file

TABLES = """
CREATE TABLE topic (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: it is in the places of records
    name             TEXT NOT NULL UNIQUE,
    partitions       INTEGER NOT NULL,
    max_age          INTEGER,  -- microseconds
    max_bytes        INTEGER,
    max_record_bytes INTEGER NOT NULL,
    replicas         INTEGER NOT NULL
);

-- One row per partition of a topic; `lane` is topic << 8 | partition. Records lie from offset `first` up to `next`.
-- A removed topic's lanes stay until the last of their records is gone.
CREATE TABLE lane (
    lane    INTEGER PRIMARY KEY,
    first   INTEGER NOT NULL DEFAULT 0,
    next    INTEGER NOT NULL DEFAULT 0,
    bytes   INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX removed_lane ON lane (lane) WHERE removed;

-- Records that were written together, packed. `place` is lane << 36 | offset of the last one.
CREATE TABLE chunk (
    place INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    time  INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    data  BLOB NOT NULL
);

-- Ids that were published, so that a repeated one is noticed; the oldest are forgotten.
CREATE TABLE seen (
    number    INTEGER PRIMARY KEY,
    topic     INTEGER NOT NULL,
    id        TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset"  INTEGER NOT NULL,
    time      INTEGER NOT NULL
);
CREATE UNIQUE INDEX seen_by_id ON seen (topic, id);

-- `version` rises whenever members come and go, or partitions change hands.
CREATE TABLE work_group (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    topic   INTEGER NOT NULL,
    name    TEXT NOT NULL,
    paused  INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, name)
);
CREATE TABLE member (
    work_group INTEGER NOT NULL,
    name       TEXT NOT NULL,
    beat       INTEGER NOT NULL,
    session    REAL NOT NULL,
    PRIMARY KEY (work_group, name)
) WITHOUT ROWID;
CREATE TABLE lease (
    work_group INTEGER NOT NULL,
    partition  INTEGER NOT NULL,
    owner      TEXT NOT NULL DEFAULT '',
    epoch      INTEGER NOT NULL DEFAULT 0,
    next       INTEGER NOT NULL DEFAULT 0,
    done       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (work_group, partition)
) WITHOUT ROWID;
"""

BROKER = Layout("broker", APPLICATION_ID, (TABLES,))

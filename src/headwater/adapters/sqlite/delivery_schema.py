"""The tables of what delivery keeps, in the file of a SQLite store: version 2 of its schema."""

DELIVERY = """
-- What a consumer does of a topic has a number, and each of its partitions an epoch that rises with each claim.
CREATE TABLE delivery_inbox (
    id       INTEGER PRIMARY KEY,
    consumer TEXT NOT NULL,
    topic    TEXT NOT NULL,
    UNIQUE (consumer, topic)
);
CREATE TABLE delivery_claim (
    inbox     INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    PRIMARY KEY (inbox, partition)
) WITHOUT ROWID;

-- Records that need no more work: settled at `time`, or, where that is NULL, at rest in the dead letters. One row for
-- either keeps a record from being both. `key` is that of one which has rested.
CREATE TABLE delivery_noted (
    inbox INTEGER NOT NULL,
    id    TEXT NOT NULL,
    time  INTEGER,
    key   TEXT,
    PRIMARY KEY (inbox, id)
) WITHOUT ROWID;
CREATE INDEX delivery_noted_by_time ON delivery_noted (inbox, time) WHERE time IS NOT NULL;

-- Dead letters in their order. `first`: none of its key in its partition is before it. `error` and `message` are those
-- of the last attempt. What is large comes last.
CREATE TABLE delivery_letter (
    consumer  TEXT NOT NULL,
    topic     TEXT NOT NULL,
    partition INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    id        TEXT NOT NULL,
    key       TEXT,
    first     INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    error     TEXT NOT NULL,
    message   TEXT NOT NULL,
    time      INTEGER NOT NULL,
    rested    INTEGER NOT NULL,
    wish      TEXT NOT NULL,
    due       INTEGER NOT NULL,
    edited    INTEGER NOT NULL,
    attempts  TEXT NOT NULL,  -- JSON
    headers   TEXT NOT NULL,  -- JSON
    value     BLOB NOT NULL,
    PRIMARY KEY (consumer, topic, partition, place, id)
);
CREATE UNIQUE INDEX delivery_letter_by_id ON delivery_letter (consumer, topic, id);
CREATE INDEX delivery_letter_by_key ON delivery_letter (consumer, topic, partition, key, place, id);
CREATE INDEX delivery_letter_wished ON delivery_letter (consumer, topic, partition, place, id)
    WHERE first AND wish <> '';

-- The tables of consumers by their plain names, as they were declared.
CREATE TABLE delivery_table (
    name       TEXT PRIMARY KEY COLLATE NOCASE,
    consumer   TEXT NOT NULL,
    definition TEXT NOT NULL
) WITHOUT ROWID;

-- How far each relay has published; the epoch rises whenever one takes over.
CREATE TABLE delivery_relay (
    name     TEXT PRIMARY KEY,
    epoch    INTEGER NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
"""

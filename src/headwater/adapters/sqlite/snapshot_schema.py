"""The table of snapshots, in the file of a SQLite store: a step of its schema."""

SNAPSHOTS = """
-- States that deciders have folded of streams, up to the event of that version, position and time: only to be
-- quicker, and never needed.
CREATE TABLE snapshot (
    stream   TEXT NOT NULL,
    decider  TEXT NOT NULL,
    fold     INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    state    TEXT NOT NULL,  -- JSON
    PRIMARY KEY (stream, decider, fold)
);
"""

"""What a SQLite store remembers of streams besides their events."""

REMOVAL = """
-- Streams whose events up to version `removed` are gone, or which take no more.
CREATE TABLE stream_mark (
    stream  INTEGER PRIMARY KEY,
    removed INTEGER NOT NULL,
    closed  INTEGER NOT NULL
);
"""

-- States that deciders have folded of streams, up to the event of that version, position and time: only to be
-- quicker, and never needed.

CREATE TABLE headwater.snapshot (
    stream   text   COLLATE "C",
    decider  text   COLLATE "C",
    fold     integer,
    version  bigint NOT NULL,
    position bigint NOT NULL,
    time     bigint NOT NULL,
    state    text   NOT NULL,  -- JSON
    PRIMARY KEY (stream, decider, fold)
);

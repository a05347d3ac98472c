-- How far each reaction has worked off the events, and the commands that wait for their time.

CREATE TABLE headwater.checkpoint (name text PRIMARY KEY, position bigint NOT NULL);

CREATE TABLE headwater.timer (
    key     text COLLATE "C" PRIMARY KEY,
    id      text   NOT NULL,
    due     bigint NOT NULL,  -- microseconds since 1970
    command text   NOT NULL,
    data    text   NOT NULL,
    meta    text   NOT NULL
);
CREATE INDEX timer_by_due ON headwater.timer (due, key);

-- What delivery keeps: claims, inboxes, dead letters, consumers' tables, relays.
--
-- Ids, keys and texts of errors may be any text: `\` and the character 0, which PostgreSQL does not hold, are written as
-- `\\` and `\0`.

-- What a consumer does of a topic has a number, and each of its partitions an epoch that rises with each claim.
CREATE TABLE headwater.delivery_inbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text COLLATE "C" NOT NULL,
    topic    text COLLATE "C" NOT NULL,
    UNIQUE (consumer, topic)
);
CREATE TABLE headwater.delivery_claim (
    inbox     bigint NOT NULL,
    partition bigint NOT NULL,
    epoch     bigint NOT NULL,
    PRIMARY KEY (inbox, partition)
);

-- Records that need no more work: settled at `time`, or, where that is NULL, at rest in the dead letters. One row for
-- either keeps a record from being both. `key` is that of one which has rested.
CREATE TABLE headwater.delivery_noted (
    inbox bigint NOT NULL,
    id    text COLLATE "C" NOT NULL,
    time  bigint,
    key   text COLLATE "C",
    PRIMARY KEY (inbox, id)
);
CREATE INDEX delivery_noted_by_time ON headwater.delivery_noted (inbox, time) WHERE time IS NOT NULL;

-- Dead letters in their order. `first`: none of its key in its partition is before it. `error` and `message` are those
-- of the last attempt.
CREATE TABLE headwater.delivery_letter (
    consumer  text COLLATE "C" NOT NULL,
    topic     text COLLATE "C" NOT NULL,
    partition bigint  NOT NULL,
    place     bigint  NOT NULL,
    id        text COLLATE "C" NOT NULL,
    key       text COLLATE "C",
    first     boolean NOT NULL,
    failed    boolean NOT NULL,
    error     text    NOT NULL,
    message   text    NOT NULL,
    time      bigint  NOT NULL,
    rested    bigint  NOT NULL,
    wish      text    NOT NULL,
    due       bigint  NOT NULL,
    edited    boolean NOT NULL,
    attempts  text    NOT NULL,  -- JSON
    headers   text    NOT NULL,  -- JSON
    value     bytea   NOT NULL,
    PRIMARY KEY (consumer, topic, partition, place, id)
);
CREATE UNIQUE INDEX delivery_letter_by_id ON headwater.delivery_letter (consumer, topic, id);
CREATE INDEX delivery_letter_by_key ON headwater.delivery_letter (consumer, topic, partition, key, place, id);
CREATE INDEX delivery_letter_wished ON headwater.delivery_letter (consumer, topic, partition, place, id)
    WHERE first AND wish <> '';

-- The tables of consumers by their plain names, as they were declared.
CREATE TABLE headwater.delivery_table (
    name       text COLLATE "C" PRIMARY KEY,
    consumer   text NOT NULL,
    definition text NOT NULL
);

-- How far each relay has published; the epoch rises whenever one takes over.
CREATE TABLE headwater.delivery_relay (
    name     text COLLATE "C" PRIMARY KEY,
    epoch    bigint NOT NULL,
    position bigint NOT NULL
);

-- Take a partition over; the new epoch. Waits for those who work under the older one to come to an end.
CREATE FUNCTION headwater.claim(of_consumer text, of_topic text, of_partition bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number bigint;
BEGIN
    INSERT INTO headwater.delivery_inbox (consumer, topic) VALUES (of_consumer, of_topic) ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT number FROM headwater.delivery_inbox WHERE consumer = of_consumer AND topic = of_topic;
    INSERT INTO headwater.delivery_claim AS c VALUES (number, of_partition, 1)
    ON CONFLICT (inbox, partition) DO UPDATE SET epoch = c.epoch + 1 RETURNING epoch INTO number;
    RETURN number;
END $$;

-- Hold a claim until the end of the transaction, beside others or `alone`; the number of its inbox. Where it does not hold
-- any more, the transaction fails.
CREATE FUNCTION headwater.hold(of_consumer text, of_topic text, of_partition bigint, of_epoch bigint, alone boolean)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number bigint := (SELECT id FROM headwater.delivery_inbox WHERE consumer = of_consumer AND topic = of_topic);
BEGIN
    -- After a wait for a lock, the row is looked at as it is then.
    IF alone THEN
        PERFORM FROM headwater.delivery_claim
        WHERE inbox = number AND partition = of_partition AND epoch = of_epoch FOR NO KEY UPDATE;
    ELSE
        PERFORM FROM headwater.delivery_claim
        WHERE inbox = number AND partition = of_partition AND epoch = of_epoch FOR SHARE;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% has lost %/%', of_consumer, of_topic, of_partition USING ERRCODE = 'HW001';
    END IF;
    RETURN number;
END $$;

-- Note records as settled, under several claims: `of_claims` tells that of each record by its place among them. The places
-- of those that were not noted before. In the order of ids, so that no two transactions wait for each other.
CREATE FUNCTION headwater.settle(
    consumers text[], topics text[], partitions bigint[], epochs bigint[], of_claims bigint[], ids text[], now bigint
) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    inboxes bigint[] := ARRAY(
        SELECT headwater.hold(c.consumer, c.topic, c.partition, c.epoch, false)
        FROM unnest(consumers, topics, partitions, epochs) WITH ORDINALITY AS c (consumer, topic, partition, epoch, ord)
        ORDER BY ord
    );
    places bigint[];
BEGIN
    WITH asked AS (
        SELECT inboxes[claim] AS inbox, id, min(ord) AS ord
        FROM unnest(of_claims, ids) WITH ORDINALITY AS r (claim, id, ord) GROUP BY 1, 2 ORDER BY 1, 2
    ), new AS (
        INSERT INTO headwater.delivery_noted (inbox, id, time) SELECT inbox, id, now FROM asked
        ON CONFLICT DO NOTHING RETURNING inbox, id
    )
    SELECT array_agg(ord) INTO places FROM asked JOIN new USING (inbox, id);
    RETURN coalesce(places, '{}');
END $$;

-- Put a dead letter in, or in the place of one with its id; false where its record is settled. What was asked for it since
-- it was taken, with the wish, due and value that are given, stays.
CREATE FUNCTION headwater.rest(
    letter headwater.delivery_letter, of_epoch bigint, taken_wish text, taken_due bigint, taken_value bytea
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number bigint := headwater.hold(letter.consumer, letter.topic, letter.partition, of_epoch, true);
    settled boolean;
BEGIN
    INSERT INTO headwater.delivery_noted (inbox, id, key) VALUES (number, letter.id, letter.key) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT time IS NOT NULL INTO settled FROM headwater.delivery_noted WHERE inbox = number AND id = letter.id FOR SHARE;
        IF settled THEN
            RETURN false;
        END IF;
        UPDATE headwater.delivery_letter AS l
        SET failed = letter.failed, error = letter.error, message = letter.message, time = letter.time,
            rested = letter.rested, attempts = letter.attempts, headers = letter.headers
        WHERE l.consumer = letter.consumer AND l.topic = letter.topic AND l.id = letter.id;
        UPDATE headwater.delivery_letter AS l
        SET wish = letter.wish, due = letter.due, edited = letter.edited, value = letter.value
        WHERE l.consumer = letter.consumer AND l.topic = letter.topic AND l.id = letter.id
            AND (taken_wish IS NULL OR (l.wish, l.due, l.value) = (taken_wish, taken_due, taken_value));
        RETURN true;
    END IF;
    letter.first := letter.key IS NULL OR NOT EXISTS (
        SELECT FROM headwater.delivery_letter AS l
        WHERE l.consumer = letter.consumer AND l.topic = letter.topic AND l.partition = letter.partition
            AND l.key = letter.key AND (l.place, l.id) < (letter.place, letter.id)
    );
    IF letter.first AND letter.key IS NOT NULL THEN
        UPDATE headwater.delivery_letter AS l SET first = false
        WHERE l.consumer = letter.consumer AND l.topic = letter.topic AND l.partition = letter.partition
            AND l.key = letter.key AND l.first;
    END IF;
    INSERT INTO headwater.delivery_letter SELECT letter.*;
    RETURN true;
END $$;

-- Take a dead letter out, as settled. `done`: whether it was there; `more`: whether its key has more. The next one of its
-- key becomes the first, and if it only waits, with no wish, it is to be redriven where `behind`.
CREATE FUNCTION headwater.redriven(
    of_consumer text, of_topic text, of_partition bigint, of_epoch bigint, of_id text, behind boolean, now bigint,
    OUT done boolean, OUT more boolean
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number bigint := headwater.hold(of_consumer, of_topic, of_partition, of_epoch, true);
    of_key text;
    of_next text;
    there record;
BEGIN
    DELETE FROM headwater.delivery_letter AS l
    WHERE l.consumer = of_consumer AND l.topic = of_topic AND l.id = of_id RETURNING l.partition, l.key INTO there;
    done := FOUND;
    IF done THEN
        of_partition := there.partition;
        of_key := there.key;
        UPDATE headwater.delivery_noted SET time = now WHERE inbox = number AND id = of_id;
    ELSE  -- it was done before
        SELECT key INTO of_key FROM headwater.delivery_noted WHERE inbox = number AND id = of_id;
    END IF;
    SELECT l.id INTO of_next FROM headwater.delivery_letter AS l
    WHERE l.consumer = of_consumer AND l.topic = of_topic AND l.partition = of_partition AND l.key = of_key
    ORDER BY l.place, l.id LIMIT 1;
    more := FOUND;
    IF more AND done THEN
        UPDATE headwater.delivery_letter AS l
        SET first = true,
            wish = CASE WHEN behind AND NOT l.failed AND l.wish = '' THEN 'redrive' ELSE l.wish END,
            due = CASE WHEN behind AND NOT l.failed AND l.wish = '' THEN now ELSE l.due END
        WHERE l.consumer = of_consumer AND l.topic = of_topic AND l.id = of_next;
    END IF;
END $$;

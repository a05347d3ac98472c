-- Events, and the order fence. Written for the schema `headwater`; another schema's name is put in for it.

-- The store's own name: the first part of event ids.
CREATE TABLE headwater.store (id text NOT NULL);
INSERT INTO headwater.store VALUES (left(replace(gen_random_uuid()::text, '-', ''), 16));

-- Positions are drawn one by one, inside the transaction that appends; CACHE 1 keeps them in the order of drawing.
CREATE SEQUENCE headwater.event_position AS bigint CACHE 1;

-- One row per event; columns that repeat are numbers into `stream` and `kind`. `time` is in microseconds since 1970.
CREATE TABLE headwater.event (
    position bigint  PRIMARY KEY,
    stream   bigint  NOT NULL,
    version  bigint  NOT NULL,
    kind     integer NOT NULL,
    time     bigint  NOT NULL,
    data     text    NOT NULL,
    meta     text    NOT NULL  -- JSON, empty where there is nothing to say
);
CREATE UNIQUE INDEX event_of_stream ON headwater.event (stream, version);

CREATE TABLE headwater.stream (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE headwater.kind (id integer PRIMARY KEY, type text COLLATE "C" NOT NULL, version bigint NOT NULL, UNIQUE (type, version));

-- Conditions and queries by tag choose by tag first.
CREATE TABLE headwater.tag (
    tag      text COLLATE "C" NOT NULL,
    position bigint  NOT NULL,
    kind     integer NOT NULL,
    PRIMARY KEY (tag, position) INCLUDE (kind)
);

-- Appends that came with an id, so that a repeated one returns its first result.
CREATE TABLE headwater.append (
    id          text COLLATE "C" PRIMARY KEY,
    first       bigint   NOT NULL,
    last        bigint   NOT NULL,
    versions    bigint[] NOT NULL,
    fingerprint text     NOT NULL
);

-- For people and their SQL tools.
CREATE VIEW headwater.events AS
    SELECT position, stream.name AS stream, event.version AS stream_version, kind.type, kind.version AS type_version,
           to_timestamp(time / 1e6) AS time, data::json AS data, nullif(meta, '')::json AS meta
    FROM headwater.event JOIN headwater.stream ON stream.id = event.stream JOIN headwater.kind ON kind.id = event.kind;


-- Locks. A store has two ranges of advisory locks, both told from other schemas' by a number made of an oid:
--   (one bigint)    space << 44 | position: the order fence, always shared
--   (two integers)  space, hash: streams, tags and ids of appends; hash 0 is the gate

-- What waits for a lock must see, afterwards, what those have committed whom it has waited for.
CREATE FUNCTION headwater.check_isolation() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the store needs the isolation level READ COMMITTED, not %', current_setting('transaction_isolation')
            USING ERRCODE = 'HW002';
    END IF;
END $$;

-- The order fence: everything at or below the returned position is decided, committed or not, for good.
--
-- A writer locks the last position drawn, shared, before it draws its own, and holds that lock until after its commit is
-- visible. Here, in this order: what was drawn (NULL before the first); the lowest lock held. A position that had been drawn by the first look
-- either has its lock seen by the second, or is decided. Whoever reads up to the fence must do so in a statement of its
-- own, begun afterwards, so that it sees what is decided.
CREATE FUNCTION headwater.fence() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    space CONSTANT bigint := 'headwater.event_position'::regclass::oid::bigint % 524287 + 1;
    high bigint;
    held bigint;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby, which cannot tell what is under way; use the primary' USING ERRCODE = 'HW003';
    END IF;
    PERFORM headwater.check_isolation();
    high := coalesce(pg_sequence_last_value('headwater.event_position'), 0);
    SELECT min((classid::bigint & 4095) << 32 | objid::bigint) INTO held
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 12 = space AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(high, held);
END $$;

-- Who holds locks of this store, and what that means to others; for `headwater store doctor`.
CREATE VIEW headwater.held AS
    SELECT pid, virtualtransaction AS holder, CASE  -- a prepared transaction has no process; pg_prepared_xacts names it
        WHEN objsubid = 1 THEN
            'readers wait before position ' || ((classid::bigint & 4095) << 32 | objid::bigint) + 1
        WHEN objid = 0 AND mode = 'ExclusiveLock' THEN 'nobody else appends'
        ELSE 'others wait to append to the same streams, or with the same tags'
    END AS what
    FROM pg_locks, (SELECT 'headwater.event_position'::regclass::oid::bigint % 524287 + 1 AS space) AS own
    WHERE locktype = 'advisory' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND ((objsubid = 1 AND classid::bigint >> 12 = space) OR (objsubid = 2 AND classid::bigint = space
            AND NOT (objid = 0 AND mode = 'ShareLock')));

-- The last event's position up to the fence; 0 where there is none.
CREATE FUNCTION headwater.head() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    upto bigint := headwater.fence();
BEGIN
    RETURN (SELECT coalesce(max(position), 0) FROM headwater.event WHERE position <= upto);
END $$;

-- Wake those who listen, if everything up to `appended` can be read; false if not yet. The transaction is its own: it need
-- not wait for the disk.
CREATE FUNCTION headwater.wake(channel text, appended bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF headwater.fence() < appended THEN
        RETURN false;
    END IF;
    PERFORM pg_notify(channel, ''), set_config('synchronous_commit', 'off', true);
    RETURN true;
END $$;

-- Take locks for this transaction. `gate`: nobody else appends meanwhile. A key is hash * 2, and 1 more for an exclusive
-- lock; keys are sorted, so that no two transactions wait for each other.
CREATE FUNCTION headwater.lock(gate boolean, keys bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    space CONSTANT integer := 'headwater.event_position'::regclass::oid::bigint % 524287 + 1;
BEGIN
    PERFORM headwater.check_isolation();
    IF gate THEN
        PERFORM pg_advisory_xact_lock(space, 0);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(space, 0);
        PERFORM CASE key & 1
            WHEN 1 THEN pg_advisory_xact_lock(space, (key >> 1)::integer)
            ELSE pg_advisory_xact_lock_shared(space, (key >> 1)::integer)
        END FROM unnest(keys) AS key;
    END IF;
END $$;

-- The first position after `after` of an event of any of `types` (NULL: of all) with all of `tags`.
CREATE FUNCTION headwater.first_match(after bigint, types text[], tags text[]) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    kinds integer[] := CASE WHEN types IS NOT NULL THEN ARRAY(SELECT id FROM headwater.kind WHERE type = ANY (types)) END;
BEGIN
    IF cardinality(kinds) = 0 THEN  -- types that no event has ever had
        RETURN NULL;
    END IF;
    IF cardinality(tags) = 0 THEN
        RETURN (
            SELECT position FROM headwater.event
            WHERE position > after AND (kinds IS NULL OR kind = ANY (kinds)) ORDER BY position LIMIT 1
        );
    END IF;
    RETURN (
        SELECT position FROM headwater.tag AS found
        WHERE tag = tags[1] AND position > after AND (kinds IS NULL OR kind = ANY (kinds))
            AND NOT EXISTS (
                SELECT FROM unnest(tags[2:]) AS other
                WHERE NOT EXISTS (SELECT FROM headwater.tag AS t WHERE t.tag = other AND t.position = found.position)
            )
        ORDER BY position LIMIT 1
    );
END $$;

-- Append a group of events, all or nothing, in one round trip. See grouping.py for who makes the arguments.
--
-- Streams are named once; `required` is the version that each must have (-1: any). An event tells its stream by its place
-- among them, and its version as the distance from that stream's. Where a stream has another version, an id came before
-- or a condition fails, nothing is written and `refused` is true: what it has seen says why.
CREATE FUNCTION headwater.append_group(
    gate boolean, keys bigint[], now bigint,
    streams text[], required bigint[],
    event_streams bigint[], distances bigint[], kinds bigint[], times bigint[], data text[], meta text[],
    tagged bigint[], tags text[],
    ids text[], receipts text, conditions text,
    OUT refused boolean, OUT versions bigint[], OUT positions bigint[], OUT known text[], OUT matches bigint[]
) LANGUAGE plpgsql VOLATILE
    -- Plan each statement once, for indexes: planning anew each time costs more than all the rest.
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    space CONSTANT bigint := 'headwater.event_position'::regclass::oid::bigint % 524287 + 1;
    numbers bigint[];
BEGIN
    PERFORM headwater.lock(gate, keys);

    -- From here on every statement sees what those have committed whom the locks have made us wait for.
    SELECT array_agg(s.id ORDER BY ord),
           array_agg((SELECT coalesce(max(e.version), 0) FROM headwater.event AS e WHERE e.stream = s.id) ORDER BY ord)
    INTO numbers, versions
    FROM unnest(streams) WITH ORDINALITY AS u (name, ord) LEFT JOIN headwater.stream AS s USING (name);

    refused := EXISTS (SELECT FROM unnest(versions, required) AS v (actual, must) WHERE must <> -1 AND actual <> must);
    IF cardinality(ids) > 0 THEN
        known := ARRAY(SELECT id FROM headwater.append WHERE id = ANY (ids));
        refused := refused OR cardinality(known) > 0;
    END IF;
    IF conditions <> '' THEN
        matches := ARRAY(
            SELECT coalesce(headwater.first_match(
                (c ->> 0)::bigint,
                CASE WHEN jsonb_array_length(c -> 1) > 0 THEN ARRAY(SELECT jsonb_array_elements_text(c -> 1)) END,
                ARRAY(SELECT jsonb_array_elements_text(c -> 2))
            ), 0)
            FROM jsonb_array_elements(conditions::jsonb) WITH ORDINALITY AS asked (c, ord) ORDER BY ord
        );
        refused := refused OR EXISTS (SELECT FROM unnest(matches) AS match WHERE match > 0);
    END IF;
    IF refused THEN
        RETURN;
    END IF;

    IF array_position(numbers, NULL) IS NOT NULL THEN
        INSERT INTO headwater.stream (name)
        SELECT name FROM unnest(streams, numbers) AS u (name, id) WHERE u.id IS NULL;
        numbers := ARRAY(
            SELECT s.id FROM unnest(streams) WITH ORDINALITY AS u (name, ord) JOIN headwater.stream AS s USING (name)
            ORDER BY ord
        );
    END IF;

    -- The fence: first the lock, then the positions.
    PERFORM pg_advisory_xact_lock_shared(space << 44 | coalesce(pg_sequence_last_value('headwater.event_position'), 0));
    positions := ARRAY(SELECT nextval('headwater.event_position') FROM generate_series(1, cardinality(data)));

    INSERT INTO headwater.event (position, stream, version, kind, time, data, meta)
    SELECT e.position, numbers[e.stream], versions[e.stream] + e.distance, e.kind,
           CASE WHEN e.time > 0 THEN e.time ELSE now END, e.data, coalesce(e.meta, '')
    FROM unnest(positions, event_streams, distances, kinds, data, times, meta)
        AS e (position, stream, distance, kind, data, time, meta);

    IF cardinality(tags) > 0 THEN
        INSERT INTO headwater.tag (tag, position, kind)
        SELECT t.tag, positions[t.event], kinds[t.event] FROM unnest(tags, tagged) AS t (tag, event);
    END IF;
    IF cardinality(ids) > 0 THEN
        INSERT INTO headwater.append (id, first, last, versions, fingerprint)
        SELECT r ->> 0, positions[(r ->> 2)::integer], positions[(r ->> 3)::integer],
               ARRAY(SELECT versions[(w ->> 0)::integer] + (w ->> 1)::bigint
                     FROM jsonb_array_elements(r -> 4) WITH ORDINALITY AS l (w, ord) ORDER BY ord),
               r ->> 1
        FROM jsonb_array_elements(receipts::jsonb) AS r;
    END IF;
END $$;

-- Append one event without tags, id and condition: what `append_group` does, in statements that cost half as much.
-- Returns the stream's version before and the position; the version alone where it is not the one that is `required`.
CREATE FUNCTION headwater.append_one(
    key integer, to_stream text, required bigint, of_kind integer, recorded bigint, payload text, about text
) RETURNS bigint[] LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    space CONSTANT integer := 'headwater.event_position'::regclass::oid::bigint % 524287 + 1;
    number bigint;
    actual bigint;
    place bigint;
    nothing text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN  -- asked here: an expression is no query
        PERFORM headwater.check_isolation();
    END IF;
    nothing := pg_advisory_xact_lock_shared(space, 0);
    nothing := pg_advisory_xact_lock(space, key);
    SELECT id INTO number FROM headwater.stream WHERE name = to_stream;
    IF number IS NULL THEN
        actual := 0;
    ELSE
        SELECT coalesce(max(version), 0) INTO actual FROM headwater.event WHERE stream = number;
    END IF;
    IF required <> -1 AND required <> actual THEN
        RETURN ARRAY[actual];
    END IF;
    IF number IS NULL THEN
        INSERT INTO headwater.stream (name) VALUES (to_stream) RETURNING id INTO number;
    END IF;
    nothing := pg_advisory_xact_lock_shared(space::bigint << 44 | coalesce(pg_sequence_last_value('headwater.event_position'), 0));
    place := nextval('headwater.event_position');
    INSERT INTO headwater.event (position, stream, version, kind, time, data, meta)
    VALUES (place, number, actual + 1, of_kind, recorded, payload, about);
    RETURN ARRAY[actual, place];
END $$;

-- The numbers of event types and versions, new ones where there were none.
CREATE FUNCTION headwater.add_kinds(types text[], of_versions bigint[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    LOCK TABLE headwater.kind IN SHARE ROW EXCLUSIVE MODE;
    PERFORM set_config('synchronous_commit', 'on', true);  -- processes remember the numbers
    INSERT INTO headwater.kind (id, type, version)
    SELECT (SELECT count(*) FROM headwater.kind) + row_number() OVER (ORDER BY ord) - 1, type, version
    FROM unnest(types, of_versions) WITH ORDINALITY AS u (type, version, ord)
    WHERE NOT EXISTS (SELECT FROM headwater.kind AS k WHERE k.type = u.type AND k.version = u.version);
END $$;

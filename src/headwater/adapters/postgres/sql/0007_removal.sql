-- Removing events and closing streams.

-- Events up to version `removed` are gone; a stream that is closed takes no more.
ALTER TABLE headwater.stream ADD COLUMN removed bigint NOT NULL DEFAULT 0, ADD COLUMN closed boolean NOT NULL DEFAULT false;
CREATE INDEX stream_marked ON headwater.stream (name) WHERE removed > 0 OR closed;

CREATE FUNCTION headwater.refuse_closed(stream text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION 'stream % is closed', stream USING ERRCODE = 'HW004', DETAIL = stream;
END $$;

-- Remove the events of streams (their numbers) before versions, and these rows of tags. Who calls has the gate.
CREATE FUNCTION headwater.remove_events(numbers bigint[], befores bigint[], tags text[], tagged bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM headwater.tag AS t USING unnest(tags, tagged) AS gone (tag, position)
    WHERE t.tag = gone.tag AND t.position = gone.position;
    DELETE FROM headwater.event AS e USING unnest(numbers, befores) AS cut (stream, before)
    WHERE e.stream = cut.stream AND e.version < cut.before;
    UPDATE headwater.stream AS s SET removed = cut.before - 1 FROM unnest(numbers, befores) AS cut (stream, before)
    WHERE s.id = cut.stream;
END $$;

-- Put removed events back. Who calls has the gate, and has checked that their places are free.
CREATE FUNCTION headwater.put_back_events(
    positions bigint[], streams text[], versions bigint[], kinds bigint[], times bigint[], data text[], meta text[],
    tagged bigint[], tags text[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO headwater.event (position, stream, version, kind, time, data, meta)
    SELECT e.position, s.id, e.version, e.kind, e.time, e.data, e.meta
    FROM unnest(positions, streams, versions, kinds, times, data, meta)
        AS e (position, stream, version, kind, time, data, meta) JOIN headwater.stream AS s ON s.name = e.stream;
    INSERT INTO headwater.tag (tag, position, kind)
    SELECT t.tag, positions[t.event], kinds[t.event] FROM unnest(tags, tagged) AS t (tag, event);
    UPDATE headwater.stream AS s SET removed = first.version - 1
    FROM (SELECT stream, min(version) AS version FROM unnest(streams, versions) AS e (stream, version) GROUP BY stream) AS first
    WHERE s.name = first.stream;
END $$;

-- Take over what another store remembers of its streams. Who calls has the gate, and has checked it.
CREATE FUNCTION headwater.mark_streams(names text[], removed_upto bigint[], are_closed bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO headwater.stream AS s (name, removed, closed)
    SELECT m.name, m.removed, m.closed > 0 FROM unnest(names, removed_upto, are_closed) AS m (name, removed, closed)
    ON CONFLICT (name) DO UPDATE SET removed = excluded.removed, closed = s.closed OR excluded.closed;
END $$;

-- As before, but that a stream's version outlasts its events, and that one which is closed is refused.
CREATE OR REPLACE FUNCTION headwater.append_group(
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
    closed text;
BEGIN
    PERFORM headwater.lock(gate, keys);

    -- From here on every statement sees what those have committed whom the locks have made us wait for.
    SELECT array_agg(s.id ORDER BY ord),
           array_agg(coalesce((SELECT max(e.version) FROM headwater.event AS e WHERE e.stream = s.id), s.removed, 0) ORDER BY ord),
           min(name) FILTER (WHERE s.closed)
    INTO numbers, versions, closed
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
    IF closed IS NOT NULL THEN
        PERFORM headwater.refuse_closed(closed);
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

-- As before, in the same way.
CREATE OR REPLACE FUNCTION headwater.append_one(
    key integer, to_stream text, required bigint, of_kind integer, recorded bigint, payload text, about text
) RETURNS bigint[] LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    space CONSTANT integer := 'headwater.event_position'::regclass::oid::bigint % 524287 + 1;
    number bigint;
    gone bigint;
    closed boolean;
    actual bigint;
    place bigint;
    nothing text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN  -- asked here: an expression is no query
        PERFORM headwater.check_isolation();
    END IF;
    nothing := pg_advisory_xact_lock_shared(space, 0);
    nothing := pg_advisory_xact_lock(space, key);
    SELECT s.id, s.removed, s.closed INTO number, gone, closed FROM headwater.stream AS s WHERE s.name = to_stream;
    IF number IS NULL THEN
        actual := 0;
    ELSE
        SELECT coalesce(max(version), gone) INTO actual FROM headwater.event WHERE stream = number;
    END IF;
    IF required <> -1 AND required <> actual THEN
        RETURN ARRAY[actual];
    END IF;
    IF closed THEN
        nothing := headwater.refuse_closed(to_stream);
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

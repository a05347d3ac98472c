-- Moving a store: events recorded as they are, at their own positions.

-- Nobody else appends meanwhile, and readers stay in front of what is not committed: the fence is locked before the
-- sequence moves on. Who calls has checked, under the gate, that positions and versions follow.
CREATE FUNCTION headwater.restore_events(
    positions bigint[], streams text[], versions bigint[], kinds bigint[], times bigint[], data text[], meta text[],
    tagged bigint[], tags text[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    space CONSTANT bigint := 'headwater.event_position'::regclass::oid::bigint % 524287 + 1;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        space << 44 | least(positions[1] - 1, coalesce(pg_sequence_last_value('headwater.event_position'), 0)));
    PERFORM setval('headwater.event_position', greatest(
        positions[cardinality(positions)], pg_sequence_last_value('headwater.event_position')));
    INSERT INTO headwater.stream (name)
    SELECT DISTINCT wanted FROM unnest(streams) AS wanted
    WHERE NOT EXISTS (SELECT FROM headwater.stream AS s WHERE s.name = wanted);
    INSERT INTO headwater.event (position, stream, version, kind, time, data, meta)
    SELECT e.position, s.id, e.version, e.kind, e.time, e.data, e.meta
    FROM unnest(positions, streams, versions, kinds, times, data, meta)
        AS e (position, stream, version, kind, time, data, meta) JOIN headwater.stream AS s ON s.name = e.stream;
    INSERT INTO headwater.tag (tag, position, kind)
    SELECT t.tag, positions[t.event], kinds[t.event] FROM unnest(tags, tagged) AS t (tag, event);
END $$;

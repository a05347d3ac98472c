-- Views and their checkpoints.

-- One row per build of a view: `position` is its checkpoint, `epoch` rises whenever a runner takes it over.
CREATE TABLE headwater.view_build (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text    NOT NULL,
    version    bigint  NOT NULL,
    definition text    NOT NULL,
    position   bigint  NOT NULL DEFAULT 0,
    epoch      bigint  NOT NULL DEFAULT 0,
    live       boolean NOT NULL DEFAULT false
);

-- Move a checkpoint, in the transaction of the change. Where the build is not at the position and epoch that the runner
-- believes in, the transaction fails: somebody else has moved it.
CREATE FUNCTION headwater.move_view(build bigint, old bigint, of_epoch bigint, new bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE headwater.view_build SET position = new WHERE id = build AND position = old AND epoch = of_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'build % is not at position % in epoch %', build, old, of_epoch USING ERRCODE = 'HW001';
    END IF;
END $$;

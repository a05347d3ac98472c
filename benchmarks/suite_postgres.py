"""The benches on PostgreSQL: one server for all, as it comes; an empty database for each round."""

from benchmarks.suite import Bench, Contender, Limit, headwater

POSTGRES_SUITE = (
    *(
        Bench(
            f"pg-append-{tasks}",
            f"durable single-event appends, {tasks} concurrent",
            headwater("headwater_append", str(tasks)),
            "events/s",
            (
                Contender("asyncpg single inserts", "asyncpg_append", str(tasks), goal=goal),
                Contender("eventsourcing recorder", "eventsourcing_pg", str(tasks), goal=8),
                Contender("message-db write_message", "messagedb_append", str(tasks), goal=4),
            ),
        )
        for tasks, goal in ((8, 1.2), (32, 2))
    ),
    Bench(
        "pg-append-1",
        "durable single-event appends, one at a time",
        headwater("headwater_append", "1"),
        "events/s",
        (Contender("psycopg single inserts", "psycopg_append", "1", goal=0.8, home="product"),),
    ),
    Bench(
        "pg-batch1000",
        "durable appends of 1,000 events each",
        headwater("headwater_append", "batch"),
        "events/s",
        (Contender("psycopg binary COPY", "psycopg_append", "copy", goal=0.6, home="product"),),
    ),
    Bench(
        "pg-catchup",
        "catch-up of a keyed view, 5,000 keys, the checkpoint in its transaction",
        headwater("headwater_catchup"),
        "events/s",
        (
            Contender("psycopg + msgspec, by hand", "psycopg_catchup", goal=0.5, home="product"),
            Contender("eventsourcing ProjectionRunner", "eventsourcing_pg_catchup", goal=50),
        ),
        rounds=3,
    ),
    Bench(
        "pg-condition",
        "an append under a condition, ten tags an event: on 1,000,000 events against 10,000",
        headwater("headwater_condition"),
        limits=(Limit("cost at 1,000,000 / at 10,000", "x", 2, "growth"),),
        rounds=1,
    ),
)

"""The benches of schemas: reading a whole store by the code of today, against a bare loop that reads and decodes."""

from benchmarks.suite import Bench, Contender, headwater

ABOUT = "every stored event decoded by the application's class"

SCHEMA_SUITE = (
    Bench(
        "schema-verify",
        ABOUT,
        headwater("headwater_schema"),
        "events/s",
        (Contender("apsw + msgspec, a bare loop", "apsw_schema", goal=0.5, home="product"),),
    ),
)
PG_SCHEMA_SUITE = (
    Bench(
        "pg-schema-verify",
        ABOUT,
        headwater("headwater_schema"),
        "events/s",
        (Contender("psycopg + msgspec, a bare loop", "psycopg_schema", goal=0.5, home="product"),),
        rounds=3,
    ),
)

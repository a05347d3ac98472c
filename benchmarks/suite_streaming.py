"""The benches of streaming: topics and members on a broker, against the same by hand."""

from benchmarks.suite import Bench, Contender, headwater

STREAMING_SUITE = (
    Bench(
        "stream-publish",
        "confirmed publishing of records of 200 bytes, 500 at a time, four partitions",
        headwater("headwater_streaming", "publish"),
        "records/s",
        (
            Contender("apsw, by hand: one table, one order", "apsw_streaming", "publish", goal=0.7),
            Contender("headwater, every record with an id", "headwater_streaming", "publish-ids", home="product"),
        ),
    ),
    Bench(
        "stream-consume",
        "reading a topic of 200-byte records, 500 at a time, each page committed",
        headwater("headwater_streaming", "consume"),
        "records/s",
        (Contender("apsw, by hand: one table, one order", "apsw_streaming", "consume", goal=0.6),),
    ),
    Bench(
        "stream-memory",
        "from publishing to a member in one process's memory, 500 at a time",
        headwater("headwater_streaming", "memory"),
        "records/s",
    ),
)

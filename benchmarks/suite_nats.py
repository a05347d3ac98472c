"""The benches on NATS JetStream: one server that the script starts, as it comes, for each contender."""

from benchmarks.suite import Bench, Contender, headwater

NATS_SUITE = (
    *(
        Bench(
            f"nats-publish{suffix}",
            f"confirmed publishing of records of 200 bytes, 500 at a time, four partitions{loop}",
            headwater("headwater_nats", f"publish{suffix}"),
            "records/s",
            (
                Contender("nats-py, 500 in a window", "natspy_nats", f"publish{suffix}", goal=0.8, home="product"),
                Contender("nats-py, 4,000 at any time", "natspy_nats", f"window{suffix}", goal=0.8, home="product"),
            ),
        )
        for suffix, loop in (("", ""), ("-uvloop", "; uvloop"))
    ),
    *(
        Bench(
            f"nats-consume{suffix}",
            f"reading a topic of 200-byte records, 500 at a time, each page committed{loop}",
            headwater("headwater_nats", f"consume{suffix}"),
            "records/s",
            (Contender("nats-py, the last acknowledged", "natspy_nats", f"consume{suffix}", goal=0.8, home="product"),),
        )
        for suffix, loop in (("", ""), ("-uvloop", "; uvloop"))
    ),
    Bench(
        "nats-publish-1",
        "confirmed publishing, one at a time",
        headwater("headwater_nats", "single"),
        "records/s",
        (Contender("nats-py, one by one", "natspy_nats", "single", goal=0.8, home="product"),),
    ),
    Bench(
        "nats-inbox",
        "from publishing to a consumer whose inbox is a SQLite file",
        headwater("headwater_nats", "inbox"),
        "records/s",
        (Contender("nats-py, published and acknowledged", "natspy_nats", "both", goal=0.5, home="product"),),
    ),
)

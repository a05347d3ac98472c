"""The bench of snapshots: what they spare a long aggregate."""

from benchmarks.suite import Bench, Contender, headwater

SNAPSHOT_SUITE = (
    Bench(
        "load-snapshot",
        "load and fold aggregates of 10,000 events with snapshots that are 90 events behind on average",
        headwater("headwater_snapshot", "with"),
        "loads/s",
        (Contender("headwater without snapshots", "headwater_snapshot", "without", goal=20, home="product"),),
    ),
)

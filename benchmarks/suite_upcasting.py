"""The bench of upcasting: what it costs that events were written three versions ago."""

from benchmarks.suite import Bench, Contender

ABOUT = "events of version 1 decoded in batches into the class of version 4: a field renamed, one added, one dropped"

UPCASTING_SUITE = (
    Bench(
        "upcast-3",
        ABOUT,
        Contender("headwater, three versions ago", "headwater_upcasting", "old", home="product"),
        "events/s",
        (
            Contender("headwater, as written today", "headwater_upcasting", "now", goal=0.5, home="product"),
            Contender("headwater, with a function of one's own", "headwater_upcasting", "old-derived", home="product"),
        ),
    ),
)

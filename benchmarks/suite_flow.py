"""The benches of flow: channels, lanes and consumers within one process, against asyncio alone."""

from benchmarks.suite import Bench, Contender, headwater

FLOW_SUITE = (
    Bench(
        "flow-channel",
        "handing messages from one task to another: put one by one, taken as many as are there",
        headwater("headwater_flow", "channel"),
        "messages/s",
        (Contender("asyncio.Queue", "asyncio_flow", "queue", goal=3, home="product"),),
    ),
    Bench(
        "flow-channel-1",
        "the same, taken one by one",
        headwater("headwater_flow", "channel-1"),
        "messages/s",
        (Contender("asyncio.Queue", "asyncio_flow", "queue", home="product"),),
    ),
    Bench(
        "flow-consumer",
        "from publishing to a keyed consumer with retries and tracking, in memory",
        headwater("headwater_flow", "consumer"),
        "messages/s",
        (Contender("a bare asyncio.Queue loop", "asyncio_flow", "queue", goal=0.7, home="product"),),
    ),
    *(
        Bench(
            f"flow-lanes-{keys}",
            f"10,000 items on {keys:,} keys whose work waits 0 to 5 ms, 16 keys at once",
            headwater("headwater_flow", f"lanes-{keys}"),
            "items/s",
            (Contender("one at a time, times 16", "asyncio_flow", f"ideal-{keys}", goal=0.9, home="product"),),
        )
        for keys in (20, 2_000)
    ),
)

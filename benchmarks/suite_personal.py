"""The benches of personal fields: what encrypting one of them costs."""

from benchmarks.suite import Bench, Contender, headwater

PERSONAL_SUITE = (
    Bench(
        "append-personal",
        "events with one personal field of 5,000 subjects, encoded and appended durably one by one, 64 concurrent",
        headwater("headwater_personal", "append"),
        "events/s",
        (Contender("headwater, the same field plain", "headwater_personal", "append-plain", goal=0.5, home="product"),),
    ),
    Bench(
        "execute-personal",
        "commands, each with an event with one personal field of 5,000 subjects, 64 concurrent",
        headwater("headwater_personal", "execute"),
        "commands/s",
        (Contender("headwater, the same field plain", "headwater_personal", "execute-plain", home="product"),),
    ),
)

"""Raw data as a laboratory would have written them, made up, with a loss and a double charge planted."""

import random
from collections.abc import Iterator, Sequence

from headwater_shop.architectures import ARCHITECTURES as ALL
from headwater_shop.lab.plan import FAULTS
from headwater_shop.lab.raw import (
    Browse,
    Charged,
    Fault,
    Line,
    Ordered,
    Redeployed,
    Run,
    Settled,
    Stale,
    Talked,
    Used,
)

ARCHITECTURES = (
    "traditional", "soa", "microservices", "point_to_point/naive", "point_to_point/hardened", "event_driven/naive",
    "event_driven/gated",
)  # fmt: skip
VARIATIONS = {"F2": "slow", "F3": "renamed/producer-first"}
_CHECKOUT = {each.title: each.checkout for each in ALL}
LOSER, DOUBLER = ("event_driven/naive", "F4"), ("point_to_point/naive", "F2")


def some_runs() -> Iterator[tuple[str, Sequence[Line]]]:
    """A run for each architecture and fault, and one in which the front of an event-driven one is killed."""
    for architecture in ARCHITECTURES:
        for fault in FAULTS:
            lines = list(_run(architecture, fault))
            assert isinstance(lines[0], Run)
            yield lines[0].id, lines
    lines = list(_run("event_driven/gated", "F1", killed="ui"))
    assert isinstance(lines[0], Run)
    yield lines[0].id, lines


def _run(architecture: str, fault: Fault, killed: str = "") -> Iterator[Line]:
    id = f"{architecture.replace('/', '-')}_{fault}_{killed}1"
    rng = random.Random(id)
    variation = (
        (killed or _CHECKOUT[architecture])
        if fault == "F1"
        else "store"
        if fault == "F4"
        else VARIATIONS.get(fault, "")
    )
    begins, ends = (None, None) if fault == "F0" else (1.5, 4.5)
    yield Run(id, architecture, fault, variation, 1, 7, 7.0, 5.0, 15.0, begins, ends, 0.01, "2026-01-01", "a machine")
    safe = architecture.startswith("event") and not killed
    down = None if safe or fault not in ("F1", "F3", "F4") else (1.5, 4.5)
    number = 0
    at = 0.0
    while (at := at + rng.expovariate(50 if fault == "F5" and 1.5 <= at < 4.5 else 5)) < 7:
        number += 1
        is_down = down is not None and down[0] <= at < down[1]
        yield from _order(f"{id}-{number}", architecture, fault, at, rng, is_down)
    if (architecture, fault) == DOUBLER:
        yield Charged(f"{id}-1", f"{id}-1-again", "5.00")
    for each in range(30):
        yield Browse(each / 5, 0.01, 200)
    yield Stale(1.0, 0.02)
    for second in range(7):
        yield Used(float(second), "ui", second / 10, 60_000_000)
    yield Talked("ui", "orders", "http", 90, 10_000)
    yield Talked("orders", "topic orders", "topic", 90, 10_000)
    if fault == "F3":
        yield Redeployed(("a",), "a field was renamed" if architecture == "event_driven/gated" else "")


def _order(id: str, architecture: str, fault: Fault, at: float, rng: random.Random, down: bool) -> Iterator[Line]:
    seconds = rng.lognormvariate(-3, 0.4)
    status = 503 if down else 202 if architecture.startswith("event") else 201
    yield Ordered(id, at, seconds, status, "5.00", pieces={"A": 1})
    lost = (architecture, fault) == LOSER and id.endswith("-3")
    if not down:
        takes = 0.4 if architecture.startswith("event") else 0.1
        yield Settled(id, "placed" if lost else "dispatched", None if lost else at + seconds + takes)
        yield Charged(id, f"{id}-1", "5.00")
    else:
        yield Settled(id, "", None)

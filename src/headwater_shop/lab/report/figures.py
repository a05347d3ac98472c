"""What the page shows, as plain values; the same that are embedded in it as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from headwater_shop.lab.plan import FAULTS
from headwater_shop.lab.raw import Fault
from headwater_shop.lab.results import Estimate, Result, estimate
from headwater_shop.lab.telling import main_variation

ORDER: Final = (
    "traditional", "soa", "microservices", "point_to_point/naive", "point_to_point/hardened", "event_driven/naive",
    "event_driven/gated",
)  # fmt: skip
NAMES: Final = {
    "traditional": "Traditional",
    "soa": "SOA",
    "microservices": "Microservices",
    "point_to_point/naive": "Point-to-point, naive",
    "point_to_point/hardened": "Point-to-point, hardened",
    "event_driven/naive": "Event-driven, naive",
    "event_driven/gated": "Event-driven, gated",
}
FAULT_NAMES: Final[dict[Fault, str]] = {
    "F0": "All is well",
    "F1": "A service is killed",
    "F2": "The bank is slow",
    "F3": "An interface changes",
    "F4": "The store is away",
    "F5": "A tenfold burst",
}
WHAT: Final[dict[Fault, str]] = {
    "F0": "Nothing is done. What does each way of building cost when all goes well?",
    "F1": "The service that takes the money is killed, and started again when the shaded time is over. In the "
    "event-driven shop that is payments, while its front, which takes the orders, lives: this is where it looks best.",
    "F2": "The bank takes two seconds more for every payment; from the middle on it has half of its capacity, too.",
    "F3": "A field is renamed: first by the service that tells it, later by those who read it. What the gate refuses "
    "is mended and then deployed like the others; what it tells is read when its reader has followed.",
    "F4": "What keeps the orders is away. Where that is a service, it is killed; the event store is a file, and takes "
    "no writes. That is milder: it can be read, and who waits for it till the end of the fault gets in.",
    "F5": "Ten times as many shoppers come for a while.",
}


@dataclass(frozen=True)
class Cell:
    """An architecture under a fault, in the `variation` that tells most: the share that was accepted in the time of the
    fault, of all the shares that were completed `soon`, within five minutes, and at last; and how many went wrong."""

    architecture: str
    fault: Fault
    variation: str
    accepted: Estimate | None
    soon: Estimate | None
    completed: Estimate | None
    browsed: Estimate | None
    wrong: Mapping[str, int]
    """How many orders, or products that were oversold, by what is wrong with them; nothing else."""
    refused: str


def architectures(results: Sequence[Result]) -> list[str]:
    """Those that were run, in the order of the story."""
    there = {each.run.architecture for each in results}
    return [*(each for each in ORDER if each in there), *sorted(there - set(ORDER))]


def faults(results: Sequence[Result]) -> list[Fault]:
    there = {each.run.fault for each in results}
    return [each for each in FAULTS if each in there]


def name(architecture: str) -> str:
    return NAMES.get(architecture, architecture)


def told_most(results: Sequence[Result], architecture: str, fault: Fault) -> list[Result]:
    """The runs of the variation that tells most: the first that the plan has (see plan.variations)."""
    runs = [each for each in results if (each.run.architecture, each.run.fault) == (architecture, fault)]
    if not runs:
        return []
    main = main_variation(runs, fault)
    return [each for each in runs if each.run.variation == main]


def accepted(one: Result) -> float | None:
    """The share that was accepted while the fault lasted; of all, where there was none."""
    return one.accepted if one.accepted_during is None else one.accepted_during


def browsed(one: Result) -> float | None:
    """The share of pages that came while the fault lasted; of all, where there was none."""
    return one.browsed if one.browsed_during is None else one.browsed_during


def variations(results: Sequence[Result], fault: Fault) -> list[Cell]:
    """Every variation that an architecture went through, where it is more than one."""
    cells = []
    for architecture in architectures(results):
        runs = [each for each in results if (each.run.architecture, each.run.fault) == (architecture, fault)]
        kinds = list(dict.fromkeys(each.run.variation for each in runs))
        if len(kinds) > 1:
            cells += [_cell([each for each in runs if each.run.variation == kind]) for kind in kinds]
    return cells


def cell(results: Sequence[Result], architecture: str, fault: Fault) -> Cell | None:
    """What became of an architecture under a fault; None where it was not run."""
    runs = told_most(results, architecture, fault)
    return _cell(runs) if runs else None


def _cell(runs: Sequence[Result]) -> Cell:
    run = runs[0].run
    return Cell(
        run.architecture, run.fault, run.variation,
        estimate(accepted(each) for each in runs),
        estimate(each.completed[1] for each in runs),
        estimate(each.completed_at_last for each in runs),
        estimate(browsed(each) for each in runs),
        wrong(runs),
        next((each.refused for each in runs if each.refused), ""),
    )  # fmt: skip


def wrong(runs: Iterable[Result]) -> Mapping[str, int]:
    """What the judge found in these runs, by a word for it."""
    counts: Counter[str] = Counter()
    for each in runs:
        found = each.verdict
        counts.update(
            lost=len(found.lost), doubled=len(found.doubled), oversold=len(found.oversold),
            charged=len(found.charged_without_order), unpaid=len(found.unpaid), contradicted=len(found.contradicted),
        )  # fmt: skip
    return {what: count for what, count in counts.items() if count}


def embedded(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The main figures of every run, for programs, and for whoever recomputes them."""
    return [
        {
            "run": each.run.id,
            "architecture": each.run.architecture,
            "fault": each.run.fault,
            "variation": each.run.variation,
            "repetition": each.run.repetition,
            "asked": each.asked,
            "accepted": each.accepted,
            "accepted_during": each.accepted_during,
            "completed": list(each.completed),
            "completed_at_last": each.completed_at_last,
            "accept_p50": each.accept_p50,
            "accept_p99": each.accept_p99,
            "complete_p50": each.complete_p50,
            "complete_p99": each.complete_p99,
            "browsed": each.browsed,
            "browsed_during": each.browsed_during,
            "drained": each.drained,
            "stale_p50": each.stale_p50,
            "stale_p99": each.stale_p99,
            "cpu": each.cpu,
            "cpu_per_1000": each.cpu_per_1000,
            "memory": each.memory,
            "lost": len(each.verdict.lost),
            "doubled": len(each.verdict.doubled),
            "oversold": len(each.verdict.oversold),
            "charged_without_order": len(each.verdict.charged_without_order),
            "unpaid": len(each.verdict.unpaid),
            "contradicted": len(each.verdict.contradicted),
            "redeployed": list(each.redeployed),
            "refused": each.refused,
        }
        for each in results
    ]

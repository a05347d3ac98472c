"""From a run's raw lines to its figures, and from the figures of repetitions to what can be said of them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import fmean, stdev
from typing import Final

from headwater_shop.architecture import BANK
from headwater_shop.lab.ledger import ACCEPTED, Verdict, judge
from headwater_shop.lab.raw import Browse, Line, Ordered, Redeployed, Run, Settled, Stale, Used

MINUTE: Final = 60.0
AFTER: Final = (1, 5, 15)
"""Business completion is told for so many minutes after an order was meant to be placed."""

# Student's t, 97.5 %, by degrees of freedom from 1; beyond, the normal distribution is near enough.
_T: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
)  # fmt: skip
_T_MANY: Final = 1.960


@dataclass(frozen=True)
class Result:
    """What came of a run. Shares are in percent, times in the laboratory's seconds; None: there was nothing to measure.

    Of orders, probes are left out. `accepted` is the share that was answered with 201 or 202; `accepted_during` that of
    those that were meant to come while the fault lasted. `completed` is the share that was dispatched within 1, 5 and
    15 minutes (scaled) after it was meant to be placed, `completed_at_last` at all, for as long as was looked.
    `browsed` is the share of pages that came; `drained` how long after the last arrival the last order was final (None:
    an accepted one never was).
    """

    run: Run
    verdict: Verdict
    asked: int
    accepted: float | None
    accepted_during: float | None
    completed: tuple[float | None, float | None, float | None]
    completed_at_last: float | None
    accept_p50: float | None
    accept_p99: float | None
    complete_p50: float | None
    complete_p99: float | None
    browsed: float | None
    browsed_during: float | None
    drained: float | None
    stale_p50: float | None
    stale_p99: float | None
    cpu: float
    cpu_per_1000: float | None
    memory: int
    redeployed: tuple[str, ...]
    refused: str


def result(lines: Sequence[Line]) -> Result:
    """The figures of a run. Raises ValueError where its first line does not say what was run."""
    run = next((line for line in lines if isinstance(line, Run)), None)
    if run is None:
        raise ValueError("these raw data do not say what was run: their first line is to be a Run")
    orders = [line for line in lines if isinstance(line, Ordered) and not line.probe]
    ends = {line.order_id: line for line in lines if isinstance(line, Settled)}  # the last one counts
    browses = [line for line in lines if isinstance(line, Browse)]
    accepting = [each.seconds for each in orders if each.status in ACCEPTED]
    completing = [
        end.at - each.intended
        for each in orders
        if (end := ends.get(each.order_id)) is not None and end.order == "dispatched" and end.at is not None
    ]
    stale = [line.seconds for line in lines if isinstance(line, Stale)]
    cpu, memory = _used(line for line in lines if isinstance(line, Used) and line.service != BANK)
    deployed = next((line for line in lines if isinstance(line, Redeployed)), Redeployed(()))
    return Result(
        run=run,
        verdict=judge(lines),
        asked=len(orders),
        accepted=share(each.status in ACCEPTED for each in orders),
        accepted_during=share(each.status in ACCEPTED for each in orders if during(run, each.intended)),
        completed=_completed(run, completing, len(orders)),
        completed_at_last=100 * len(completing) / len(orders) if orders else None,
        accept_p50=quantile(accepting, 0.5),
        accept_p99=quantile(accepting, 0.99),
        complete_p50=quantile(completing, 0.5),
        complete_p99=quantile(completing, 0.99),
        browsed=share(each.status == 200 for each in browses),
        browsed_during=share(each.status == 200 for each in browses if during(run, each.intended)),
        drained=_drained(run, [line for line in lines if isinstance(line, Ordered)], ends),
        stale_p50=quantile(stale, 0.5),
        stale_p99=quantile(stale, 0.99),
        cpu=cpu,
        cpu_per_1000=1000 * cpu / len(completing) if completing else None,
        memory=memory,
        redeployed=deployed.services,
        refused=deployed.refused,
    )


def during(run: Run, at: float) -> bool:
    """Whether the fault lasted then."""
    return run.fault_from is not None and run.fault_to is not None and run.fault_from <= at < run.fault_to


def share(those: Iterable[bool]) -> float | None:
    """How many of a hundred hold."""
    all_ = list(those)
    return 100 * sum(all_) / len(all_) if all_ else None


def quantile(values: Iterable[float], of: float) -> float | None:
    """The smallest value that so great a share of all does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, ceil(of * len(ordered)) - 1)] if ordered else None


def _completed(run: Run, seconds: Sequence[float], asked: int) -> tuple[float | None, float | None, float | None]:
    def within(minutes: int) -> float | None:
        limit = minutes * MINUTE * run.time_scale
        return 100 * sum(each <= limit for each in seconds) / asked if asked else None

    first, second, third = AFTER
    return within(first), within(second), within(third)


def _drained(run: Run, orders: Sequence[Ordered], ends: dict[str, Settled]) -> float | None:
    accepted = [each for each in orders if each.status in ACCEPTED]
    finals = [end.at for each in accepted if (end := ends.get(each.order_id)) is not None and end.at is not None]
    if len(finals) < len(accepted):
        return None
    return max(0.0, max(finals, default=0.0) - run.load_seconds)


def _used(samples: Iterable[Used]) -> tuple[float, int]:
    """CPU seconds between the first and the last sample, a service that was started anew counting from its start; and
    the most memory that all had at a time."""
    cpu, before, resident, peak = 0.0, dict[str, float](), dict[str, int](), 0
    for each in samples:
        last = before.get(each.service)
        if last is not None:
            cpu += each.cpu - last if each.cpu >= last else each.cpu
        before[each.service], resident[each.service] = each.cpu, each.memory
        peak = max(peak, sum(resident.values()))
    return cpu, peak


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` repetitions, and its 95 % confidence interval by Student's t, which takes the repetitions to be
    independent and about normal; with one repetition there is none (`low` and `high` are None)."""

    mean: float
    low: float | None
    high: float | None
    n: int


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """What repetitions say together; None where nothing was measured. A repetition without a value is left out."""
    known = [each for each in values if each is not None]
    if not known:
        return None
    mean = fmean(known)
    if len(known) == 1:
        return Estimate(mean, None, None, 1)
    t = _T[len(known) - 2] if len(known) - 2 < len(_T) else _T_MANY
    half = t * stdev(known) / sqrt(len(known))
    return Estimate(mean, mean - half, mean + half, len(known))

"""What was expected, as sentences with a check of the results. Refuted ones stay.

Most were in the issue's brief before anything was built. The checks were written while first trial runs were being
made; what was added or changed beside those says so in `since`. Nothing changes from then on but with a word there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from headwater_shop.lab.raw import Fault
from headwater_shop.lab.results import Result
from headwater_shop.lab.telling import main_variation

Outcome = Literal["held", "refuted", "not measured"]
Figure = Callable[[Result], float | None]
Measured = Mapping[str, float]
EVENTS: Final = ("event_driven/naive", "event_driven/gated")
NAIVE, HARDENED, GATED = "point_to_point/naive", "point_to_point/hardened", "event_driven/gated"
SYNCHRONOUS: Final = ("traditional", "soa", "microservices", NAIVE, HARDENED)


@dataclass(frozen=True)
class Finding:
    """What the results say of a hypothesis, and the figures that say it."""

    outcome: Outcome
    evidence: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """`id` is its number in docs/lab.md. `since` says what was added or changed once there were trial runs; '' where it
    is as it was expected beforehand."""

    id: str
    sentence: str
    check: Callable[["Findings"], Finding]
    since: str = ""

    def judge(self, found: "Findings") -> Finding:
        """What the results say of it."""
        try:
            return self.check(found)
        except KeyError:
            return Finding("not measured")


class Findings:
    """Results by architecture and fault; figures are means over repetitions and variations."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._runs: dict[tuple[str, Fault], list[Result]] = {}
        for each in results:
            self._runs.setdefault((each.run.architecture, each.run.fault), []).append(each)

    def runs(self, architecture: str, fault: Fault, variation: str = "") -> Sequence[Result]:
        """The runs of an architecture under a fault; only those whose variation begins like that."""
        return [each for each in self._runs.get((architecture, fault), ()) if each.run.variation.startswith(variation)]

    def mean(
        self, architecture: str, fault: Fault, figure: Callable[[Result], float | None], variation: str = ""
    ) -> float | None:
        """The mean of a figure; None where nothing was measured."""
        values = [value for each in self.runs(architecture, fault, variation) if (value := figure(each)) is not None]
        return fmean(values) if values else None

    def main(self, architecture: str, fault: Fault) -> str:
        """The variation that tells most."""
        return main_variation(self.runs(architecture, fault), fault)

    def all(self, architectures: Iterable[str]) -> Iterable[Result]:
        """Every run of these."""
        return [each for (name, _), runs in self._runs.items() if name in architectures for each in runs]


def during(each: Result) -> float | None:
    return each.accepted_during


def in_the_end(each: Result) -> float | None:
    """The share of orders that were dispatched at all, as long as the laboratory looked."""
    return each.completed_at_last


def judged(measured: Mapping[str, float], holds: bool, unit: str = "%") -> Finding:
    """Held or refuted by figures, each with its name; not measured where there is none."""
    if not measured:
        return Finding("not measured")
    evidence = ", ".join(f"{name} {_written(value)}" for name, value in measured.items())
    return Finding("held" if holds else "refuted", f"{evidence} {unit}")


def _written(value: float) -> str:
    return f"{value:,.1f}" if value >= 10 else f"{value:.3g}"


def _figures(found: Findings, names: Iterable[str], fault: Fault, figure: Figure, variation: str = "") -> Measured:
    """What was measured of these."""
    means = {name: found.mean(name, fault, figure, variation or found.main(name, fault)) for name in names}
    return {name: value for name, value in means.items() if value is not None}


def _beside(first: str, measured: Measured) -> tuple[float, list[float]]:
    """The figure of the first, and those of the others. Raises KeyError where there is nothing to compare."""
    others = [value for name, value in measured.items() if name != first]
    if not others:
        raise KeyError(first)
    return measured[first], others


def _naive_checkout(found: Findings) -> Finding:
    killed = _figures(found, [NAIVE], "F1", during)
    return judged(killed, all(value < 5 for value in killed.values()))


def _events_accept(found: Findings) -> Finding:
    killed = _figures(found, EVENTS, "F1", lambda each: each.accepted)
    return judged(killed, all(value >= 99.9 for value in killed.values()))


def _events_complete(found: Findings) -> Finding:
    ended = _figures(found, EVENTS, "F1", in_the_end)
    return judged(ended, all(value >= 99.9 for value in ended.values()))


def _browsing(found: Findings) -> Finding:
    looked = _figures(found, ("traditional", *EVENTS), "F1", lambda each: each.browsed_during)
    traditional, events = _beside("traditional", looked)
    return judged(looked, traditional < 5 and min(events) >= 99, "% of pages came")


def _slow_payment(found: Findings) -> Finding:
    slow = _figures(found, (NAIVE, *EVENTS), "F2", lambda each: each.accept_p99)
    naive, events = _beside(NAIVE, slow)
    return judged(slow, naive >= 2 and max(events) < 1, "s to accept (p99)")


def _renamed_breaks(found: Findings) -> Finding:
    broken = _figures(found, [NAIVE], "F3", during, "renamed/producer")
    return judged(broken, all(value < 50 for value in broken.values()))


def _gate_refuses(found: Findings) -> Finding:
    runs = found.runs(GATED, "F3", "renamed/producer")
    if not runs:
        return Finding("not measured")
    accepted = found.mean(GATED, "F3", during, "renamed/producer")
    evidence = f"{accepted or 0:,.1f} % accepted meanwhile; the gate says: {runs[0].refused}"
    return Finding("held" if all(each.refused for each in runs) else "refuted", evidence)


def _keeper_stops(found: Findings) -> Finding:
    locked = _figures(found, EVENTS, "F4", during, "store")
    return judged(locked, all(value < 5 for value in locked.values()))


def _keeper_hits(found: Findings) -> Finding:
    locked = _figures(found, EVENTS, "F4", during, "store")
    return judged(locked, all(value < 90 for value in locked.values()))


def _sheds(found: Findings) -> Finding:
    slow = _figures(found, (NAIVE, HARDENED), "F2", during)
    hardened, others = _beside(HARDENED, slow)
    return judged(slow, hardened < min(others))


def _burst_drains(found: Findings) -> Finding:
    ended = _figures(found, EVENTS, "F5", lambda each: each.completed_at_last)
    return judged(ended, all(value >= 99.9 for value in ended.values()))


def _burst(found: Findings) -> Finding:
    came = _figures(found, (NAIVE, *EVENTS), "F5", during)
    naive, events = _beside(NAIVE, came)
    return judged(came, min(events) >= 99.9 and naive < min(events))


def _pays(found: Findings) -> Finding:
    took = _figures(found, ("traditional", *EVENTS), "F0", lambda each: each.complete_p50)
    traditional, events = _beside("traditional", took)
    return judged(took, min(events) > traditional, "s from order to dispatched (p50)")


def _pays_in_cpu(found: Findings) -> Finding:
    used = _figures(found, ("traditional", *EVENTS), "F0", lambda each: each.cpu_per_1000)
    traditional, events = _beside("traditional", used)
    return judged(used, min(events) > traditional, "CPU seconds for 1,000 orders")


def _traditional_is_fastest(found: Findings) -> Finding:
    took = _figures(found, SYNCHRONOUS, "F0", lambda each: each.accept_p50)
    traditional, others = _beside("traditional", took)
    return judged(took, traditional <= min(others), "s to accept (p50)")


def _nothing_lost(found: Findings) -> Finding:
    runs = list(found.all(EVENTS))
    if not runs:
        return Finding("not measured")
    wrong = [each.run.id for each in runs if each.verdict.lost or each.verdict.doubled or each.verdict.oversold]
    evidence = f"{sum(each.asked for each in runs):,} orders in {len(runs)} runs"
    return Finding("refuted" if wrong else "held", ", ".join(wrong) or evidence)


_TRIAL: Final = "first written beside trial runs"

HYPOTHESES: Final = (
    Hypothesis("H1", "F1: while checkout is down, naive point-to-point accepts next to no order.", _naive_checkout),
    Hypothesis("H2", "F1: event-driven accepts 99.9 % or more, though payment is down.", _events_accept,
               "which service is killed was changed from orders to payments after a trial run in which it made no "
               "difference; killing the front, which takes the orders, is not what this asks"),
    Hypothesis("H3", "F1: and after recovery all of them complete.", _events_complete, "as H2"),
    Hypothesis("H4", "F1: browsing dies with the traditional application; event-driven does not notice.", _browsing,
               _TRIAL),
    Hypothesis("H5", "F2: a slow bank is the shopper's wait in point-to-point, not in event-driven.", _slow_payment),
    Hypothesis("H6", "F3: a renamed field breaks point-to-point at once.", _renamed_breaks),
    Hypothesis("H7", "F3: the gate refuses it before deployment in event-driven gated.", _gate_refuses),
    Hypothesis("H8", "F4: without its event store, event-driven takes no orders.", _keeper_stops,
               "its check asked for under 90 % at first, which is less than it says: that is H14 now"),
    Hypothesis("H9", "F5: event-driven accepts a tenfold burst; point-to-point does not accept all.", _burst),
    Hypothesis("H10", "F0: event-driven pays with time: an order is dispatched later than in traditional.", _pays),
    Hypothesis("H11", "F0: and with CPU for each order.", _pays_in_cpu),
    Hypothesis("H12", "F0: of the synchronous ones, traditional is the fastest to accept.", _traditional_is_fastest),
    Hypothesis("H13", "In no fault does event-driven lose, double or oversell an order.", _nothing_lost, _TRIAL),
    Hypothesis("H14", "F4: losing its event store hits event-driven: it accepts under 90 % meanwhile.", _keeper_hits,
               "expected as “hits”; the figure was written beside trial runs, the sentence after two of them"),
    Hypothesis("H15", "F2: hardened point-to-point sheds load: it accepts less than naive meanwhile.", _sheds,
               "expected as “sheds load”; what that is to mean in figures was written after trial runs"),
    Hypothesis("H16", "F5: after the burst event-driven drains: all of its orders complete.", _burst_drains,
               "expected as “drains”; its check was written after trial runs"),
)  # fmt: skip

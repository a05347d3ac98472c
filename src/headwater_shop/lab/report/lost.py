"""Where event-driven lost: every comparison in which one of its variants was worse than the best of the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from headwater_shop.architectures import ARCHITECTURES
from headwater_shop.lab.hypotheses import EVENTS
from headwater_shop.lab.raw import Fault
from headwater_shop.lab.report import figures
from headwater_shop.lab.results import Result

Figure = Callable[[Result], float | None]
Values = Mapping[str, float]
WORSE_BY: Final = 1.05  # times as much, for what is better small
POINTS: Final = 0.5  # of a hundred, for shares
_FRONTS: Final = {each.title: each.front for each in ARCHITECTURES}
_PROCESSES: Final = {each.title: len(each.services) for each in ARCHITECTURES}


@dataclass(frozen=True)
class Measure:
    """What is compared in a fault, and how it is written. `share`: more is better, to 100."""

    what: str
    fault: Fault
    form: str
    share: bool = False

    def worse(self, value: float, best: float) -> bool:
        """Whether that is worse by more than chance might be."""
        return best - value > POINTS if self.share else value > best * WORSE_BY

    def written(self, value: float | None) -> str:
        """As people read it."""
        return "–" if value is None else self.form.format(value)


@dataclass(frozen=True)
class Compared:
    """A measure of every architecture that has it, and the best of those that are not event-driven."""

    measure: Measure
    values: Values
    best: str

    @property
    def lost(self) -> bool:
        """Whether one of the event-driven variants is worse than the best of the others."""
        best = self.values[self.best]
        return any(self.measure.worse(self.values[each], best) for each in EVENTS if each in self.values)

    @property
    def by(self) -> str:
        """How much worse the worst of them is."""
        best = self.values[self.best]
        events = [self.values[each] for each in EVENTS if each in self.values]
        if self.measure.share:
            return f"{best - min(events):.0f} points"
        return f"{max(events) / best:,.1f} ×" if best else "–"


def compared(results: Sequence[Result]) -> list[Compared]:
    """All comparisons that these results allow. Times are compared where nothing breaks only: elsewhere those who
    accept few tell only of these few."""
    rows = [(measure, _means(results, measure.fault, figure)) for measure, figure in _measures(results)]
    processes = {each.run.architecture: float(_PROCESSES.get(each.run.architecture, 0)) for each in results}
    rows.append((Measure("processes to run", "F0", "{:.0f}"), {name: n for name, n in processes.items() if n}))
    rows.sort(key=lambda row: row[0].fault)
    return [Compared(measure, values, best) for measure, values in rows if (best := _best(measure, values))]


def front_killed(results: Sequence[Result]) -> Compared | None:
    """What is accepted while the front is killed, without which nobody gets in; None where no run of an event-driven
    variant was that."""
    fronts = [
        each for each in results
        if each.run.fault == "F1" and each.run.variation == _FRONTS.get(each.run.architecture)
    ]  # fmt: skip
    values = _grouped(fronts, figures.accepted)
    measure = Measure("accepted while the front is killed", "F1", "{:.0f} %", share=True)
    return Compared(measure, values, _best(measure, values)) if values.keys() & set(EVENTS) else None


def _measures(results: Sequence[Result]) -> Iterator[tuple[Measure, Figure]]:
    yield Measure("to accept, p50", "F0", "{:,.3f} s"), lambda each: each.accept_p50
    yield Measure("from order to dispatched, p50", "F0", "{:,.3f} s"), lambda each: each.complete_p50
    yield Measure("from order to dispatched, p99", "F0", "{:,.3f} s"), lambda each: each.complete_p99
    yield Measure("until an order can be read, p99", "F0", "{:,.3f} s"), lambda each: each.stale_p99
    yield Measure("CPU for 1,000 orders", "F0", "{:,.1f} s"), lambda each: each.cpu_per_1000
    yield Measure("memory at most", "F0", "{:,.0f} MB"), lambda each: each.memory / 1e6
    for fault in figures.faults(results):
        yield Measure("accepted meanwhile", fault, "{:.0f} %", share=True), figures.accepted
        yield Measure("completed within 1 minute", fault, "{:.0f} %", share=True), lambda each: each.completed[0]
        yield Measure("completed within 5 minutes", fault, "{:.0f} %", share=True), lambda each: each.completed[1]
        yield Measure("completed within 15 minutes", fault, "{:.0f} %", share=True), lambda each: each.completed[2]
        yield Measure("pages that came meanwhile", fault, "{:.0f} %", share=True), figures.browsed


def _means(results: Sequence[Result], fault: Fault, figure: Figure) -> Values:
    """The means of a figure, in the variation that tells most."""
    main = [one for name in figures.architectures(results) for one in figures.told_most(results, name, fault)]
    return _grouped(main, figure)


def _grouped(results: Sequence[Result], figure: Figure) -> Values:
    values: dict[str, list[float]] = {}
    for each in results:
        if (value := figure(each)) is not None:
            values.setdefault(each.run.architecture, []).append(value)
    return {name: fmean(all_) for name, all_ in values.items()}


def _best(measure: Measure, values: Values) -> str:
    """The best that is not event-driven; '' where there is nothing to compare."""
    others = [name for name in values if name not in EVENTS]
    if not others or not values.keys() & set(EVENTS):
        return ""
    return (max if measure.share else min)(others, key=lambda name: values[name])

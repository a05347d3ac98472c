"""The main figures of a laboratory's folder as a table for the terminal."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from headwater_shop.architectures import ARCHITECTURES
from headwater_shop.lab.results import Estimate, Result, estimate

_RANK: Final = {each.title: number for number, each in enumerate(ARCHITECTURES)}


def rows(results: Iterable[Result]) -> list[dict[str, Any]]:
    """A row for each fault, architecture and variation, in this order, over all repetitions; means, with ± half of the
    95 % interval where there are several."""
    groups: defaultdict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for each in results:
        groups[each.run.fault, each.run.architecture, each.run.variation].append(each)
    in_order = sorted(groups, key=lambda key: (key[0], _RANK.get(key[1], len(_RANK)), key))
    return [_row(key, groups[key]) for key in in_order]


def _row(key: tuple[str, str, str], runs: Sequence[Result]) -> dict[str, Any]:
    fault, architecture, variation = key
    verdicts = [each.verdict for each in runs]
    return {
        "fault": f"{fault} {variation}".strip(),
        "architecture": architecture,
        "accepted %": _shown(estimate(each.accepted for each in runs), 1),
        "in fault %": _shown(estimate(each.accepted_during for each in runs), 1),
        "complete +1/+5/+15 min %": " / ".join(
            _shown(estimate(each.completed[n] for each in runs), 0) for n in range(3)
        ),
        "browse %": _shown(estimate(each.browsed for each in runs), 1),
        "accept p50/p99 ms": _pair(runs, "accept"),
        "complete p50/p99 ms": _pair(runs, "complete"),
        "drain s": _shown(estimate(each.drained for each in runs), 1),
        "stale p99 ms": _shown(estimate(_ms(each.stale_p99) for each in runs), 0),
        "CPU s/1,000": _shown(estimate(each.cpu_per_1000 for each in runs), 1),
        "MB": _shown(estimate(each.memory / 1e6 for each in runs), 0),
        "lost": sum(len(each.lost) for each in verdicts),
        "doubled": sum(len(each.doubled) for each in verdicts),
        "oversold": sum(len(each.oversold) for each in verdicts),
        "charged for nothing": sum(len(each.charged_without_order) for each in verdicts),
        "deployed": _shown(estimate(float(len(each.redeployed)) for each in runs), 0) if fault == "F3" else "",
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _pair(runs: Sequence[Result], what: str) -> str:
    return " / ".join(
        _shown(estimate(_ms(getattr(each, f"{what}_{which}")) for each in runs), 0) for which in ("p50", "p99")
    )


def _shown(value: Estimate | None, digits: int) -> str:
    if value is None:
        return "–"
    text = f"{value.mean:,.{digits}f}"
    return text if value.high is None else f"{text} ±{value.high - value.mean:,.{digits}f}"

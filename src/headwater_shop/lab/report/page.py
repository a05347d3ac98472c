"""The page: what the template is given, and how values are written."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec

from headwater_shop.lab import table
from headwater_shop.lab.hypotheses import EVENTS, HYPOTHESES, Findings
from headwater_shop.lab.raw import Fault, Happened, Line, Ordered, Run, Talked
from headwater_shop.lab.report import figures, lost
from headwater_shop.lab.report.couplings import couplings
from headwater_shop.lab.report.timeline import busiest, timeline
from headwater_shop.lab.results import Estimate, Result, result

HERE: Final = Path(__file__).parent
BAD, MIDDLE, GOOD = (0xB2, 0x4F, 0x28), (0xF3, 0xEB, 0xDF), (0x28, 0x70, 0x68)
FAILED: Final = "the laboratory failed"
"""So the runner begins what it tells of a fault that it could not do, or not undo."""
INK: Final = (0x14, 0x10, 0x0D)
Rgb = tuple[int, int, int]


def page(runs: Sequence[Sequence[Line]]) -> str:
    """The report of these runs' raw lines."""
    results = [result(lines) for lines in runs]
    found = Findings(results)
    names, kinds = figures.architectures(results), figures.faults(results)
    lines_of = {one.run.id: lines for one, lines in zip(results, runs, strict=True)}
    context = {
        "style": (HERE / "report.css").read_text(),
        "names": figures.NAMES,
        "fault_names": figures.FAULT_NAMES,
        "what": figures.WHAT,
        "faults": kinds,
        "matrix": [(name, [figures.cell(results, name, fault) for fault in kinds]) for name in names],
        "hypotheses": [(each, each.judge(found)) for each in HYPOTHESES],
        "panels": [(fault, _panels(results, lines_of, names, fault)) for fault in kinds],
        "couplings": _couplings(results, lines_of, names),
        "variations": {fault: figures.variations(results, fault) for fault in kinds},
        "compared": lost.compared(results),
        "front_killed": lost.front_killed(results),
        "front_lives": "F1" in kinds and any(name in EVENTS for name in names),
        "rows": table.rows(results),
        "runs": results,
        "first": min((each.run for each in results), key=lambda run: run.began),
        "fewest": min(each.asked for each in results),
        "most": max(each.asked for each in results),
        "outage": next((to - at for at, to in _faults(results)), None),
        "failed": [each for lines in runs for each in _failures(lines)],
        "load": max(each.run.load_seconds for each in results),
        "embedded": _script(figures.embedded(results)),
        "repetitions": max(
            Counter((each.run.architecture, each.run.fault, each.run.variation) for each in results).values()
        ),
    }
    return _environment().get_template("report.html").render(**context)


def _panels(
    results: Sequence[Result], lines_of: dict[str, Sequence[Line]], names: Sequence[str], fault: Fault
) -> list[dict[str, Any]]:
    """A drawing for each architecture: of the first repetition of the variation that tells most."""
    drawn = []
    for name in names:
        for one in figures.told_most(results, name, fault)[:1]:
            orders = [line for line in lines_of[one.run.id] if isinstance(line, Ordered) and not line.probe]
            drawn.append((name, one, orders))
    most = max((busiest(one.run, orders) for _, one, orders in drawn), default=1.0)
    return [
        {"name": figures.name(name), "svg": timeline(one.run, orders, most), "result": one}
        for name, one, orders in drawn
    ]


def _failures(lines: Sequence[Line]) -> list[str]:
    """What the laboratory itself could not do in a run, by the run's name."""
    names = [line.id for line in lines if isinstance(line, Run)]
    return [f"{names[0]}: {line.what}" for line in lines if isinstance(line, Happened) and line.what.startswith(FAILED)]


def _faults(results: Sequence[Result]) -> Iterator[tuple[float, float]]:
    for each in results:
        if each.run.fault_from is not None and each.run.fault_to is not None:
            yield each.run.fault_from, each.run.fault_to


def _couplings(
    results: Sequence[Result], lines_of: dict[str, Sequence[Line]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Who talked to whom, in a run in which nothing was done; in any where there is none."""
    drawn = []
    for name in names:
        runs = [each.run for each in results if each.run.architecture == name]
        run: Run = next((each for each in runs if each.fault == "F0"), runs[0])
        talked = [line for line in lines_of[run.id] if isinstance(line, Talked)]
        drawn.append({"name": figures.name(name), "run": run, "svg": couplings(talked)})
    return drawn


def _script(value: Any) -> str:
    """JSON that may stand in a page."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")


def colour(value: Estimate | None) -> str:
    """The style of a share: from clay (0 %) by paper to green (100 %); letters are those that can be read better."""
    if value is None:
        return ""
    share = min(max(value.mean / 100, 0.0), 1.0)
    low, high, at = (BAD, MIDDLE, share * 2) if share < 0.5 else (MIDDLE, GOOD, share * 2 - 1)
    red, green, blue = (round(a + (b - a) * at) for a, b in zip(low, high, strict=True))
    ground, white = (red, green, blue), (255, 255, 255)
    letters = max((white, INK), key=lambda ink: contrast(ink, ground))
    return f"background: {_hex(ground)}; color: {_hex(letters)}"


def contrast(one: Rgb, other: Rgb) -> float:
    """How well letters of one colour can be read on another: from 1 to 21 (WCAG 2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Rgb) -> float:
    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex(colour: Rgb) -> str:
    return f"#{bytes(colour).hex()}"


def percent(value: Estimate | None) -> str:
    """A share as people read it: never 100 % where something is missing."""
    if value is None:
        return "–"
    mean = value.mean
    if 99.5 <= mean < 100:
        return f"{min(mean, 99.9):.1f} %"
    return "<1 %" if 0 < mean < 1 else f"{mean:.0f} %"


def interval(value: Estimate | None) -> str:
    """± half of the 95 % interval, where there are several repetitions."""
    return "" if value is None or value.high is None else f"±{value.high - value.mean:.1f}"


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters.update(colour=colour, percent=percent, interval=interval, title=figures.name)
    made.globals.update(events=EVENTS)
    return made

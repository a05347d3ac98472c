"""The result: medians and ratios, as a table for people or as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks.player import Line
from benchmarks.suite import Bench, Contender, Limit

Lines = Mapping[str, Sequence[Line]]


@dataclass(frozen=True)
class Row:
    """A line of the result; `ratio` is Headwater's median over this contender's; null is what was not measured."""

    bench: str
    contender: str
    median: float | None
    unit: str
    ratio: float | None = None
    goal: float | None = None
    met: bool | None = None


HEADER = ("bench", "contender", "median", "unit", "ratio", "goal", "met")
NUMBERS = {2, 4, 5}


def rows(bench: Bench, lines: Lines) -> list[Row]:
    """Headwater's own, then a row for each rival; or a row for each limit."""
    if bench.limits:
        return [limit_row(bench, limit, lines) for limit in bench.limits]
    ours = Row(bench.name, bench.ours.name, middle(lines[bench.ours.name]), bench.unit)
    return [ours, *(rival_row(bench, each, ours.median, middle(lines[each.name])) for each in bench.rivals)]


def middle(lines: Sequence[Line], key: str = "value") -> float | None:
    return median(line[key] for line in lines) if lines else None


def limit_row(bench: Bench, limit: Limit, lines: Lines) -> Row:
    value = middle(lines[bench.ours.name], limit.key)
    met = None if value is None else value <= limit.goal
    return Row(bench.name, f"{bench.ours.name}: {limit.name}", value, limit.unit, None, limit.goal, met)


def rival_row(bench: Bench, rival: Contender, ours: float | None, theirs: float | None) -> Row:
    ratio = ours / theirs if ours is not None and theirs else None
    met = None if ratio is None or rival.goal is None else ratio >= rival.goal
    return Row(bench.name, rival.name, theirs, bench.unit, ratio, rival.goal, met)


def as_json(found: Sequence[Row]) -> str:
    """A list of objects with the keys of `HEADER`."""
    return json.dumps([asdict(row) for row in found], indent=2)


def as_table(found: Sequence[Row]) -> str:
    """Aligned columns; a goal with `<=` is on the value itself, one with `>=` on the ratio."""
    lines = [HEADER, *(cells(row) for row in found)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(aligned(line, widths)).rstrip() for line in lines)


def cells(row: Row) -> tuple[str, ...]:
    sign = "<=" if row.contender.startswith("headwater: ") else ">="
    goal = "" if row.goal is None else f"{sign} {row.goal:g}"
    met = {None: "", True: "yes", False: "NO"}[row.met]
    ratio = "" if row.ratio is None else amount(row.ratio)
    return (row.bench, row.contender, amount(row.median), row.unit, ratio, goal, met)


def amount(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if column in NUMBERS else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]

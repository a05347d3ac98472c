"""A run over time, as SVG text: how long each order's answer took, and how many were accepted a second."""

from collections.abc import Sequence
from math import ceil, log10
from typing import Final

from headwater_shop.lab.ledger import ACCEPTED
from headwater_shop.lab.raw import Ordered, Run
from headwater_shop.lab.report.svg import drawing, words

WIDTH, LEFT, RIGHT = 250, 34, 6
TOP, FLOOR = 6, 104  # of the latencies
BARS, GROUND, HEIGHT = 114, 150, 164  # of the orders a second
SLOWEST, QUICKEST = 10.0, 0.001  # seconds, the ends of the scale
_TICKS: Final = ((0.001, "1 ms"), (0.01, "10"), (0.1, "100"), (1.0, "1 s"), (10.0, "10 s"))
_MOST_BARS: Final = 50


def timeline(run: Run, orders: Sequence[Ordered], most: float) -> str:
    """Above, how long each order took to be answered, by when it was meant to come (crosses: not accepted); below, how
    many came a second and were accepted or not, on a scale up to `most`."""
    length = _length(run, orders)
    accepted = sum(each.status in ACCEPTED for each in orders)
    parts = [_shade(run, length), *_grid(), *_bars(run, orders, most), *_axis(length, most)]
    parts += [_mark(each, length) for each in orders]
    return drawing(WIDTH, HEIGHT, parts, f"{accepted} orders accepted, {len(orders) - accepted} not")


def busiest(run: Run, orders: Sequence[Ordered]) -> float:
    """The most orders that came a second."""
    return max((yes + no for yes, no in rates(run, orders)), default=0.0)


def rates(run: Run, orders: Sequence[Ordered]) -> list[tuple[float, float]]:
    """Orders a second by when they were meant to come, accepted and not, for each stretch of `stretch` seconds."""
    each_takes = stretch(run, orders)
    counts = [[0, 0] for _ in range(ceil(_length(run, orders) / each_takes))]
    for each in orders:
        counts[min(int(each.intended / each_takes), len(counts) - 1)][each.status not in ACCEPTED] += 1
    return [(yes / each_takes, no / each_takes) for yes, no in counts]


def stretch(run: Run, orders: Sequence[Ordered]) -> float:
    """How many seconds a bar stands for: a half, or a whole number where that makes too many."""
    length = _length(run, orders)
    return 0.5 if length <= _MOST_BARS / 2 else float(ceil(length / _MOST_BARS))


def _length(run: Run, orders: Sequence[Ordered]) -> float:
    return max(run.load_seconds, max((each.intended for each in orders), default=0.0)) or 1.0


def _x(at: float, length: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(at, length) / length


def _y(seconds: float) -> float:
    share = (log10(min(max(seconds, QUICKEST), SLOWEST)) - log10(QUICKEST)) / (log10(SLOWEST) - log10(QUICKEST))
    return FLOOR - (FLOOR - TOP) * share


def _shade(run: Run, length: float) -> str:
    if run.fault_from is None or run.fault_to is None:
        return ""
    x, to = _x(run.fault_from, length), _x(run.fault_to, length)
    return f'<rect class="fault" x="{x:.1f}" y="{TOP}" width="{to - x:.1f}" height="{GROUND - TOP}"/>'


def _grid() -> list[str]:
    lines = []
    for at, text in _TICKS:
        y = _y(at)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(words("tick", LEFT - 4, y + 3, text, "end"))
    return lines


def _bars(run: Run, orders: Sequence[Ordered], most: float) -> list[str]:
    """Accepted from the ground up, those that were not on top of them."""
    length, each_takes = _length(run, orders), stretch(run, orders)
    scale, bars = (GROUND - BARS) / (most or 1.0), []
    for number, (yes, no) in enumerate(rates(run, orders)):
        x, to = _x(number * each_takes, length), _x((number + 1) * each_takes, length)
        bars.append(_bar("came", x, to, GROUND - yes * scale, yes * scale))
        bars.append(_bar("missed", x, to, GROUND - (yes + no) * scale, no * scale))
    return bars


def _bar(kind: str, x: float, to: float, y: float, height: float) -> str:
    if height <= 0:
        return ""
    wide = max(to - x - 0.8, 0.6)
    return f'<rect class="{kind}" x="{x + 0.4:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{height:.1f}"/>'


def _axis(length: float, most: float) -> list[str]:
    ground = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{GROUND}" y2="{GROUND}"/>'
    return [
        ground,
        words("tick", LEFT - 4, BARS + 4, f"{most:.0f}/s", "end"),
        words("tick", LEFT, HEIGHT - 4, "0 s"),
        words("tick", WIDTH - RIGHT, HEIGHT - 4, f"{length:.0f} s", "end"),
    ]


def _mark(each: Ordered, length: float) -> str:
    x, y = _x(each.intended, length), _y(each.seconds)
    if each.status in ACCEPTED:
        return f'<circle class="ok" cx="{x:.1f}" cy="{y:.1f}" r="1.7"/>'
    return f'<path class="no" d="M{x - 2:.1f} {y - 2:.1f}l4 4m0-4l-4 4"/>'

"""Charts as inline SVG, drawn from plain numbers. Each bar tells its value as text too, for those who do not see it."""

from collections.abc import Sequence
from decimal import Decimal
from math import floor, log10
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from headwater_shop.web.words import gbp, gbp_short

WIDTH: Final = 860
HEIGHT: Final = 300
LEFT: Final = 56
BOTTOM: Final = 34
TOP: Final = 14


class Bar(NamedTuple):
    """A named amount."""

    label: str
    amount: Decimal


def columns(bars: Sequence[Bar], caption: str) -> Markup:
    """Columns side by side on a common scale, such as months."""
    top = scale(max((bar.amount for bar in bars), default=Decimal(0)))
    low = min((bar.amount for bar in bars), default=Decimal(0))
    bottom = -scale(-low) if low < 0 else Decimal(0)
    plot = _Plot(float(bottom), float(top) or 1.0)
    step = (WIDTH - LEFT) / max(1, len(bars))
    shapes = [*_grid(plot, bottom, top), *(_column(bar, index, step, plot) for index, bar in enumerate(bars))]
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, caption, Markup("").join(shapes)
    )


class _Plot(NamedTuple):
    low: float
    high: float

    def y(self, amount: float) -> float:
        """Where an amount stands, in pixels from above."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - amount) / (self.high - self.low)


def _grid(plot: _Plot, bottom: Decimal, top: Decimal) -> list[Markup]:
    lines = []
    for part in range(5):
        amount = bottom + (top - bottom) * part / 4
        y = plot.y(float(amount))
        lines.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(LEFT, WIDTH, y, y, LEFT - 8, y + 4, gbp_short(amount))
        )
    return lines


def _column(bar: Bar, index: int, step: float, plot: _Plot) -> Markup:
    x, width = LEFT + index * step + step * 0.16, step * 0.68
    end, zero = plot.y(float(bar.amount)), plot.y(max(plot.low, 0.0))
    return Markup(
        '<g class="bar"><title>{}: {}</title><rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3"/>'
        '<text class="label" x="{:.1f}" y="{}" text-anchor="middle">{}</text></g>'
    ).format(
        bar.label,
        gbp(bar.amount),
        x,
        min(end, zero),
        width,
        max(abs(zero - end), 1.0),
        x + width / 2,
        HEIGHT - 12,
        _short(bar.label, step),
    )


def _short(label: str, step: float) -> Markup:
    """As much of a label as fits below its column."""
    return escape(label if step >= 60 else label[:3])


def share(amount: Decimal, most: Decimal) -> Markup:
    """A horizontal bar for a table's cell: an amount beside the largest one."""
    part = float(amount / most) if most > 0 else 0.0
    return Markup(
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8" rx="2"/><rect class="fill" width="{:.2f}" height="8" rx="2"/></svg>'
    ).format(min(max(part * 100, 0.6), 100))


def scale(amount: Decimal) -> Decimal:
    """The next round number at or above an amount: the top of an axis that four lines divide well."""
    if amount <= 0:
        return Decimal(0)
    power = Decimal(10) ** floor(log10(float(amount)))
    return next(power * step for step in (1, 2, 4, 6, 8, 10, 12) if power * step >= amount)

"""What drawings have in common."""

from collections.abc import Iterable
from html import escape


def drawing(width: float, height: float, parts: Iterable[str], label: str, *, scale: float = 0) -> str:
    """A drawing that fills its place, or has at most `scale` pixels for each unit; `label` is for those who do not see
    it."""
    inside, limit = "".join(parts), f' style="max-width: {width * scale:.0f}px"' if scale else ""
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}"{limit} role="img" aria-label="{escape(label)}">{inside}</svg>'


def words(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    """A line of text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'

"""The few SVG elements that the drawings are made of, as strings. Coordinates are those of a 400 x 400 picture."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Emblem(NamedTuple):
    """The product's ornament, ready to be put anywhere: centred at x, y and about twice `size` wide."""

    pale: str
    deep: str

    def __call__(self, x: float, y: float, size: float) -> str:
        """Draw it for the main colour."""
        return _place(self.pale, x, y, size)

    def on_paper(self, x: float, y: float, size: float) -> str:
        """Draw it for a white or light ground."""
        return _place(self.deep, x, y, size)


class Palette(NamedTuple):
    """The colours of one picture: background, the disc on it, the thing's own three tones, an accent, dark lines."""

    back: str
    disc: str
    main: str
    dark: str
    light: str
    accent: str
    ink: str


Motif = Callable[[Palette, Emblem], str]


def path(d: str, fill: str, opacity: float = 1) -> str:
    return f'<path d="{d}" fill="{fill}"{_opacity(opacity)}/>'


def line(d: str, colour: str, width: float = 6, opacity: float = 1) -> str:
    ends = 'stroke-linecap="round" stroke-linejoin="round"'
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width:g}" {ends}{_opacity(opacity)}/>'


def rect(x: float, y: float, w: float, h: float, fill: str, r: float = 0, opacity: float = 1) -> str:
    corner = f' rx="{r:g}"' if r else ""
    box = f'x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}"'
    return f'<rect {box}{corner} fill="{fill}"{_opacity(opacity)}/>'


def circle(x: float, y: float, r: float, fill: str, opacity: float = 1) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}"{_opacity(opacity)}/>'


def oval(x: float, y: float, rx: float, ry: float, fill: str, opacity: float = 1) -> str:
    return f'<ellipse cx="{x:g}" cy="{y:g}" rx="{rx:g}" ry="{ry:g}" fill="{fill}"{_opacity(opacity)}/>'


def turn(degrees: float, x: float, y: float, inside: str) -> str:
    return f'<g transform="rotate({degrees:g} {x:g} {y:g})">{inside}</g>'


def each(draw: Callable[[float, float], str], points: Iterable[tuple[float, float]]) -> str:
    return "".join(draw(x, y) for x, y in points)


def _opacity(opacity: float) -> str:
    return "" if opacity == 1 else f' opacity="{opacity:g}"'


def _place(shape: str, x: float, y: float, size: float) -> str:
    return f'<g transform="translate({x:g} {y:g})scale({size / 10:.3g})">{shape}</g>'

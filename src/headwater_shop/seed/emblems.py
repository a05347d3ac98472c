"""Small ornaments, drawn on a mug or printed on a cushion, each in a box from -10 to 10 around the origin."""

import zlib

from .palettes import PALETTES
from .svg import Emblem, Palette, circle, line, oval, path

HEART = "M0 9C-15 -1-9-12 0-5C9-12 15-1 0 9Z"
STAR = "M0-10L2.9-3.6 9.5-3.1 4.5 1.3 6.1 8.1 0 4.5-6.1 8.1-4.5 1.3-9.5-3.1-2.9-3.6Z"


def _heart(main: str, second: str) -> str:
    return path(HEART, main)


def _star(main: str, second: str) -> str:
    return path(STAR, main)


def _flower(main: str, second: str) -> str:
    return _dots("M0-5.6h0M5.3-1.7h0M3.3 4.5h0M-3.3 4.5h0M-5.3-1.7h0", main, 8.4) + circle(0, 0, 3, second)


def _leaf(main: str, second: str) -> str:
    leaves = "M0 4C-8 4-9-1-9-3C-3-3 0 0 0 4ZM0 0C7 0 8-5 8-7C3-7 0-4 0 0ZM0-3C-4-5-3-9 0-11C3-9 3-5 0-3Z"
    return line("M0 10V-4", main, 1.6) + path(leaves, main)


def _moon(main: str, second: str) -> str:
    return path("M3-9A9 9 0 1 0 9 4A8 8 0 0 1 3-9Z", main) + circle(6, -4, 1.5, second)


def _snow(main: str, second: str) -> str:
    return line("M0-9V9M-8-4.5L8 4.5M-8 4.5L8-4.5M-2.5-8L0-5.5 2.5-8M-2.5 8L0 5.5 2.5 8", main, 1.8)


def _bird(main: str, second: str) -> str:
    body = "M-11-2L-5 0C-3-5 1-8 5-7C7-6.6 8-5 8-4L11-3 8-1.5C7 5 1 8-4 5C-6 4-7 2-11-2Z"
    return path(body, main) + path("M-3 1C0-2 3-2 4-1C4 3 0 4-3 1Z", second) + circle(5.3, -4, 0.9, second)


def _hare(main: str, second: str) -> str:
    ears = path("M-4 0C-8-10-5-12-3.5-10C-2-8-1-4-1-1ZM4 0C8-10 5-12 3.5-10C2-8 1-4 1-1Z", main)
    face = oval(0, 3.5, 6.4, 5.8, main) + oval(0, 5, 1.3, 0.9, second)
    return ears + face + circle(-2.6, 2.4, 0.9, second) + circle(2.6, 2.4, 0.9, second)


def _fish(main: str, second: str) -> str:
    return path("M-10-5L-5 0-10 5C-8 5-5 4-4 2C2 8 8 4 10 0C8-4 2-8-4-2C-5-4-8-5-10-5Z", main) + circle(
        6, -1, 1.1, second
    )


def _berry(main: str, second: str) -> str:
    fruit = path("M0 10C-7 6-9-1-6-4C-4-6-2-5 0-4C2-5 4-6 6-4C9-1 7 6 0 10Z", main)
    leaves = path("M0-4C-4-2-6-4-7-6C-4-7-2-7 0-5C-1-8 0-10 1-10C1-8 1-7 0-5C2-7 4-7 7-6C6-4 4-2 0-4Z", second)
    return fruit + leaves + _dots("M-3.5 0h0M3.5 0h0M0 1.5h0M-2 5h0M2 5h0", second, 1.8)


def _bee(main: str, second: str) -> str:
    wings = oval(-2, -5, 3, 4.6, second, 0.6) + oval(3, -5, 2.6, 4.2, second, 0.6)
    return wings + oval(0, 2, 8, 5.2, main) + line("M-2-2.5V6.5M2-2.5V6.5M5.5-1V5", second, 1.7)


def _boat(main: str, second: str) -> str:
    return path("M-9 4H9C8 7 6 9 4 9H-4C-6 9-8 7-9 4Z", main) + path("M-1-10V2H-8ZM1-6L7 2H1Z", second)


def _spots(main: str, second: str) -> str:
    return _dots("M-5-4h0M5-5h0M0 4h0", main, 6) + circle(8, 4, 1.6, second)


def _dots(d: str, colour: str, width: float) -> str:
    # Round caps make a dot of a line of no length: one element instead of many.
    return f'<path d="{d}" stroke="{colour}" stroke-width="{width:g}" stroke-linecap="round"/>'


_DRAW = {
    "heart": _heart, "star": _star, "flower": _flower, "leaf": _leaf, "moon": _moon, "snow": _snow, "bird": _bird,
    "hare": _hare, "fish": _fish, "berry": _berry, "bee": _bee, "boat": _boat, "spots": _spots,
}  # fmt: skip

_WORDS = {
    "heart": "heart hearts love valentine sweetheart cupid",
    "star": "star stars starry stardust",
    "flower": "flower flowers floral rose roses daisy poppy peony blossom marigold bluebell garden lily tulip paisley",
    "leaf": "leaf leaves fern ivy hedgerow olive meadow tree woodland sage botanical herb",
    "moon": "moon moonlight midnight night",
    "snow": "snow snowflake christmas xmas winter frost nordic ice",
    "bird": "bird birds robin owl dove duck hen swallow partridge wren cockerel",
    "hare": "hare rabbit bunny easter bunnies",
    "fish": "fish sea ocean mermaid",
    "berry": "strawberry strawberries berry berries cherry fruit apple raspberry jam",
    "bee": "bee bees honey bumble",
    "boat": "boat boats seaside nautical sailing harbour sailor",
    "spots": "spot spots spotty retrospot polkadot dotty dots confetti",
}
_EMBLEM_OF = {word: name for name, words in _WORDS.items() for word in words.split()}


def emblem(stock_code: str, words: list[str], p: Palette) -> Emblem:
    """Choose the ornament by the first word that names one, else by the stock code."""
    named = [_EMBLEM_OF[w] for w in words if w in _EMBLEM_OF]
    free = list(_DRAW)[zlib.crc32(b"emblem" + stock_code.encode("utf-8", "replace")) % len(_DRAW)]
    draw = _DRAW[named[0] if named else free]
    if p == PALETTES["cream"]:  # where a pale ornament would not show
        return Emblem(draw(p.accent, p.ink), draw(p.accent, p.ink))
    return Emblem(draw("#fffaf0", p.accent), draw(p.dark, p.accent))

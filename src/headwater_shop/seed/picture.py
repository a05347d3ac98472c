"""A drawn picture for any product, from its stock code and name alone."""

import re
from itertools import pairwise

from .emblems import emblem
from .motifs import ABSTRACT, ORNAMENTS, PAIRS, THINGS
from .palettes import palette
from .svg import Motif, Palette, circle, oval, rect

_WORD = re.compile(r"[a-z]+")
# What follows these words describes the thing and is not the thing: "tin with hearts", "frame in wood".
_BREAK = {"with", "in", "for", "of", "and", "design", "w"}


def picture(stock_code: str, name: str) -> str:
    """Return a self-contained SVG of 400 x 400, under 5 kB; the same code and name always give the same picture."""
    words = _WORD.findall(name.lower())
    colours = palette(stock_code, words)
    return _page(colours, motif(words)(colours, emblem(stock_code, words, colours)))


def motif(words: list[str]) -> Motif:
    """Choose what to draw: the last word before a describing phrase which names a thing, else any, else an ornament."""
    for part in (_head(words), words):
        pairs = [PAIRS[pair] for pair in pairwise(part) if pair in PAIRS]
        things = [THINGS[word] for word in part if word in THINGS]
        if found := pairs[-1:] or things[-1:]:
            return found[0]
    return next((ORNAMENTS[w] for w in reversed(words) if w in ORNAMENTS), ABSTRACT)


def _head(words: list[str]) -> list[str]:
    # "Set of 6 cups" and "Pack of 12 cards" are about what follows the "of".
    start = words.index("of") + 1 if "of" in words[:4] else 0
    end = next((i for i in range(start + 1, len(words)) if words[i] in _BREAK), len(words))
    return words[start:end]


def _page(p: Palette, drawing: str) -> str:
    back = rect(0, 0, 400, 400, p.back) + circle(200, 196, 164, p.disc, 0.75) + oval(200, 326, 128, 13, p.ink, 0.13)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">{back}{drawing}</svg>'
    )

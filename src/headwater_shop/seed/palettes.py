"""Colours for the pictures: by the colour named in the product's name, else by its stock code."""

import zlib

from .svg import Palette

# name: back, disc, main, dark, light, accent, ink
PALETTES = {
    "red": Palette("#fdf1ea", "#f8d9cc", "#d9534f", "#b23a3e", "#f4a79d", "#f2c14e", "#5b2a2e"),
    "pink": Palette("#fff3f3", "#fbdde2", "#ea8fa3", "#cc6b84", "#f9ccd5", "#7fb7a4", "#6d3a4c"),
    "orange": Palette("#fff6ea", "#fde3c4", "#ee9b52", "#cc7636", "#f9cf9f", "#4f8a8b", "#6a3f23"),
    "yellow": Palette("#fffaea", "#fdefc0", "#f0bf4c", "#cf9a2c", "#fae09a", "#d96c5f", "#66501f"),
    "green": Palette("#f4f8ef", "#dcebd2", "#7aa874", "#578556", "#bcd8b4", "#ec9a78", "#2f4a3a"),
    "teal": Palette("#effaf7", "#d0ebe5", "#52a49a", "#37807a", "#a9d9d0", "#f3b562", "#21494a"),
    "blue": Palette("#f0f6fb", "#d4e5f3", "#5b8dc0", "#3f6a9b", "#aecbe6", "#f2b88a", "#25405f"),
    "navy": Palette("#f2f4f8", "#d9dfec", "#46587f", "#303f60", "#9aaace", "#e8a35f", "#232c45"),
    "purple": Palette("#f8f4fb", "#e6daf0", "#9678b6", "#735694", "#cfbde2", "#f0b95c", "#432f5a"),
    "brown": Palette("#faf5ee", "#eddfcb", "#b08358", "#8a6140", "#d9bd9a", "#7d9f86", "#4d3725"),
    "cream": Palette("#f3f1ea", "#dfe3d8", "#f4e6cb", "#d9c29a", "#fff8ea", "#c9705c", "#6a5840"),
    "grey": Palette("#f5f5f4", "#dfe2e4", "#98a2a9", "#737d85", "#cdd4d8", "#e3a857", "#3d454b"),
}

_WORDS = {
    "red": "red retrospot strawberry poppy cherry robin christmas apple ruby scarlet",
    "pink": "pink rose blossom peony fuchsia raspberry ballerina fairy",
    "orange": "orange marmalade terracotta fox apricot marigold peach",
    "yellow": "yellow lemon honey gold golden bee daffodil brass harvest",
    "green": "green fern meadow olive sage garden hedgerow ivy mint",
    "teal": "teal turquoise aqua jade mermaid",
    "blue": "blue seaside bluebell sailor sky cornflower harbour",
    "navy": "black navy midnight night moon skull skulls",
    "purple": "purple lavender lilac violet plum heather amethyst",
    "brown": "wood wooden wicker brown chocolate oak rustic copper gingerbread",
    "cream": "white cream ivory pearl vanilla linen",
    "grey": "silver grey metal zinc slate pewter chrome",
}
_COLOUR_OF = {word: colour for colour, words in _WORDS.items() for word in words.split()}
# Cream and grey look dull where nothing in the name asks for them.
_FREE = [p for name, p in PALETTES.items() if name not in ("cream", "grey")]


def palette(stock_code: str, words: list[str]) -> Palette:
    """Choose the colours: the first colour word decides, else the stock code."""
    for word in words:
        if word in _COLOUR_OF:
            return PALETTES[_COLOUR_OF[word]]
    return _FREE[zlib.crc32(stock_code.encode("utf-8", "replace")) % len(_FREE)]

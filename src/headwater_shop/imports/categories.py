"""A category for a product that comes with nothing but a name: by the last word of it that tells one."""

from typing import Final

OTHER: Final = "Other"

_WORDS: Final = {
    "Candles & Lanterns": "candle candles candlestick lantern lanterns t-light t-lights tealight incense lights light "
    "lamp lampshade night",
    "Mugs & Teatime": "mug mugs cup cups teacup teacups saucer teapot tea coffee cakestand egg jug cosy",
    "Kitchen": "kitchen baking bake cake cakes tin tins jar jars apron towel recipe bowl bowls spoon rack scales "
    "pantry jelly cases whisk chopping oven",
    "Dining": "plate plates dinner cutlery tray napkins bottle placemat placemats coaster coasters picnic dish straws",
    "Cushions & Throws": "cushion cushions throw quilt cover hottie doormat rug warmer towels",
    "Bags & Accessories": "bag bags shopper purse wallet umbrella necklace bracelet earrings ring hair charm scarf "
    "keyring luggage passport brooch jewellery bangle tote",
    "Cards & Stationery": "card cards notebook pencil pencils pen wrap tape sticker stickers book tissue tissues "
    "letter chalk paper ribbon ribbons tags envelopes stationery",
    "Decorations": "decoration decorations christmas garland bunting wreath bauble baubles ornament heart hearts star "
    "easter party balloons feather",
    "Frames & Clocks": "frame frames clock mirror sign hook hooks knob picture wall plaque doorstop",
    "Toys & Games": "toy toys doll dolly jigsaw puzzle game games skittles spaceboy dinosaur bear kite kit cards "
    "dominoes ludo children childrens spinning blocks train",
    "Garden & Storage": "garden pot pots watering basket baskets box boxes storage drawer drawers cabinet planter "
    "vase bird parasol trowel wicker",
}
_CATEGORY_OF: Final = {word: category for category, words in _WORDS.items() for word in words.split()}


def category_of(name: str) -> str:
    """The category that the name suggests."""
    words = name.lower().replace(",", " ").split()
    return next((_CATEGORY_OF[word] for word in reversed(words) if word in _CATEGORY_OF), OTHER)

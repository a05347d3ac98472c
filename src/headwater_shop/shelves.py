"""What every architecture's shelves are filled with, so that all sell the same."""

from headwater_shop.contract import Item
from headwater_shop.seed.catalogue import catalogue

PIECES = 1_000
"""Of each product."""


def shelves() -> list[Item]:
    """The made-up catalogue, plenty of everything."""
    return [Item(each.stock_code, each.name, each.category, each.price, PIECES) for each in catalogue()]

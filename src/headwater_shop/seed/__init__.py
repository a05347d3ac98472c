"""A shop's worth of made-up data: a catalogue, a year of transactions and a drawn picture of anything."""

from .catalogue import CatalogueItem, catalogue
from .generate import generate, write_csv
from .picture import picture
from .rows import HEADER, Row

__all__ = ["HEADER", "CatalogueItem", "Row", "catalogue", "generate", "picture", "write_csv"]

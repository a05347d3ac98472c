"""Imports of other systems' history: transactions files of the "Online Retail" form."""

from headwater_shop.imports.importer import ImportResult, import_file

__all__ = ["ImportResult", "import_file"]

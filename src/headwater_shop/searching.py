"""What people search products by, as conditions in SQL for SQLite and PostgreSQL: the same in every architecture."""

from typing import Any, Final

MAX_WORDS: Final = 8


def conditions(words: str, category: str) -> tuple[list[str], list[Any]]:
    """Every one of the words in a product's `name` (or that word as its `stock_code`), and its `category` where one is
    given; and the values for the `?` in that, in order."""
    where, values = list[str](), list[Any]()
    if category:
        where.append("category = ?")
        values.append(category)
    for word in words.split()[:MAX_WORDS]:
        where.append("(lower(name) LIKE ? ESCAPE '\\' OR stock_code = ?)")
        values += [f"%{_pattern(word.lower())}%", word.upper()]
    return where, values


def _pattern(word: str) -> str:
    """The word without its plural, as a LIKE pattern."""
    stem = word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
    return "".join("\\" + letter if letter in "\\%_" else letter for letter in stem)

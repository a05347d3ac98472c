"""How the pages write things: money, names, moments, order numbers."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

_SMALL: Final = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
_PENNY: Final = Decimal("0.01")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

COUNTRY_NAMES: Final = {"EIRE": "Ireland", "RSA": "South Africa", "USA": "United States"}
"""The data's spellings where ours differ."""


def gbp(amount: Decimal | str | int) -> str:
    """An amount as '£1,234.50'."""
    pence = Decimal(amount).quantize(_PENNY, ROUND_HALF_EVEN)
    return f"{'−' if pence < 0 else ''}£{abs(pence):,.2f}"


def gbp_short(amount: Decimal | str | int) -> str:
    """An amount for an axis: '£12k', '£1.2m'."""
    value = Decimal(amount)
    for size, letter in ((1_000_000, "m"), (1_000, "k")):
        if abs(value) >= size:
            shown = f"{abs(value) / size:.1f}".removesuffix(".0")
            return f"{'−' if value < 0 else ''}£{shown}{letter}"
    return f"{'−' if value < 0 else ''}£{abs(value):.0f}"


def title(name: str) -> str:
    """A product's name for people: the data's capitals become title case."""
    text = " ".join(name.split())
    if not any(map(str.isupper, text)) or any(map(str.islower, text)):
        return text
    words = text.lower().split(" ")
    return " ".join(_word(word, first=index == 0) for index, word in enumerate(words))


def _word(word: str, *, first: bool) -> str:
    if word in _SMALL and not first:
        return word
    if any(map(str.isdigit, word)):
        return word.upper() if len(word) < 4 else word
    return "-".join(_capital(part) for part in word.split("-"))


def _capital(part: str) -> str:
    start = next((i for i, letter in enumerate(part) if letter.isalpha()), 0)
    return part[:start] + part[start : start + 1].upper() + part[start + 1 :]


def country(name: str) -> str:
    """A country as its people's neighbours call it."""
    return COUNTRY_NAMES.get(name, name)


def stock(available: int | None) -> str:
    """How much there is of something: 'plenty', 'few' or 'none'."""
    if not available or available <= 0:
        return "none"
    return "few" if available <= 10 else "plenty"


def day(moment: datetime | None) -> str:
    """'3 March 2011'."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}" if moment else ""


def clock(moment: datetime | None) -> str:
    """'14:05:09', in UTC."""
    return f"{moment.astimezone(UTC):%H:%M:%S}" if moment else ""


def month(key: str) -> str:
    """'2010-12' as 'Dec 2010'."""
    year, _, number = key.partition("-")
    return f"{_MONTHS[int(number) - 1][:3]} {year}"


def plural(count: int, one: str, many: str = "") -> str:
    """'1 piece', '2 pieces'."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

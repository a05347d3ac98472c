"""What trends: products, and words that people search for, counted from the clickstream.

Every click adds a weight that halves each HALF_LIFE. All weights halve alike, so the order of what trends changes by
new clicks only, and a table that nobody touches stays right: what is kept is `heat`, the logarithm of the sum of
weight · e^(time / LIFE) over all clicks; at any moment that is worth e^(heat - moment / LIFE) clicks of this moment.
Adding is commutative, and time is that of the clicks: late, repeated after a crash or in another order, the same clicks
come to the same heat.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any, Final, assert_never

from headwater import consumer
from headwater_shop.domain.clicks import AddedToCart, Click, ProductViewed, Searched

CLICKSTREAM: Final = "clickstream"
HALF_LIFE: Final = timedelta(minutes=5)
LIFE: Final = HALF_LIFE.total_seconds() / log(2)  # seconds in which a weight falls to 1/e
BEGINNING: Final = datetime(2025, 1, 1, tzinfo=UTC)  # near, so that heat keeps its fractions

LOOK, TO_CART = 1.0, 5.0
"""What it weighs that somebody looks, and that they put it into their cart."""

# The logarithm of a sum, from those of its parts; beyond 40, the smaller one is below the last digit of the larger.
_WARMER: Final = """CASE
    WHEN excluded.heat > kept.heat + 40 THEN excluded.heat
    WHEN excluded.heat < kept.heat - 40 THEN kept.heat
    WHEN excluded.heat > kept.heat THEN excluded.heat + ln(1 + exp(kept.heat - excluded.heat))
    ELSE kept.heat + ln(1 + exp(excluded.heat - kept.heat))
END"""

_PRODUCT: Final = f"""
INSERT INTO {{trending}} AS kept (stock_code, heat, views, carts) VALUES (?, ?, ?, ?)
ON CONFLICT (stock_code) DO UPDATE
SET heat = {_WARMER}, views = kept.views + excluded.views, carts = kept.carts + excluded.carts
"""

_WORDS: Final = f"""
INSERT INTO {{trending_words}} AS kept (words, heat, times) VALUES (?, ?, 1)
ON CONFLICT (words) DO UPDATE SET heat = {_WARMER}, times = kept.times + 1
"""

_TABLES: Final = {
    "trending": "stock_code TEXT PRIMARY KEY, heat DOUBLE PRECISION NOT NULL, views BIGINT NOT NULL, "
    "carts BIGINT NOT NULL, UNIQUE (heat, stock_code)",
    "trending_words": "words TEXT PRIMARY KEY, heat DOUBLE PRECISION NOT NULL, times BIGINT NOT NULL, "
    "UNIQUE (heat, words)",
}
"""The UNIQUE constraints are there as indexes, for whoever asks for the hottest."""


@consumer(CLICKSTREAM, "trending", tables=_TABLES)
def trending(click: Click) -> Iterable[tuple[str, Sequence[Any]]]:
    """Count a click."""
    match click:
        case ProductViewed():
            return [(_PRODUCT, (click.stock_code, heat(LOOK, click.at), 1, 0))]
        case AddedToCart():
            return [(_PRODUCT, (click.stock_code, heat(TO_CART, click.at), 0, 1))]
        case Searched():
            return [(_WORDS, (click.words, heat(LOOK, click.at)))]
        case _:
            assert_never(click)


def heat(weight: float, at: datetime) -> float:
    """The heat of that much at that moment."""
    return log(weight) + (at - BEGINNING).total_seconds() / LIFE

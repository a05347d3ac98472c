"""What trends, computed from the records of the clickstream by itself: all in memory, straight sums, no SQL."""

import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from math import fsum, log
from typing import Any, NamedTuple

from headwater import Record, Runtime
from headwater.streaming.port import Broker

HALF_LIFE = 300.0  # seconds
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
WEIGHTS = {"shop.product_viewed": 1, "shop.added_to_cart": 5, "shop.searched": 1}


class Counted(NamedTuple):
    """Looks and carts by product, searches by words, and the heat of both."""

    views: dict[str, int]
    carts: dict[str, int]
    times: dict[str, int]
    heat: dict[str, float]


async def records(broker: Broker) -> list[Record]:
    """All records of the clickstream, each once."""
    found: dict[str, Record] = {}
    for partition, (first, end) in (await broker.ends("clickstream")).items():
        while first < end:
            page = await broker.read("clickstream", partition, start=first, limit=1000)
            found |= {record.id: record for record in page}
            first = page[-1].offset + 1
    return list(found.values())


def count(clicks: list[Record]) -> Counted:
    """What the table must hold."""
    views, carts, times = Counter[str](), Counter[str](), Counter[str]()
    weights: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for record in clicks:
        kind, click = record.headers["ce-type"], json.loads(record.value)
        name = click["words"] if kind == "shop.searched" else click["stock_code"]
        {"shop.product_viewed": views, "shop.added_to_cart": carts, "shop.searched": times}[kind][name] += 1
        age = (datetime.fromisoformat(click["at"]) - SINCE).total_seconds() / HALF_LIFE
        weights[name].append((age, WEIGHTS[kind]))
    return Counted(dict(views), dict(carts), dict(times), {name: _heat(parts) for name, parts in weights.items()})


def _heat(parts: list[tuple[float, int]]) -> float:
    """The natural logarithm of the sum of weight · 2^age, reckoned from the newest."""
    newest = max(age for age, _ in parts)
    return log(fsum(weight * 2 ** (age - newest) for age, weight in parts)) + newest * log(2)


async def kept(runtime: Runtime) -> Counted:
    """What the shop's tables hold."""
    products = await runtime.sql("SELECT * FROM trending")
    words = await runtime.sql("SELECT * FROM trending_words")
    return Counted(
        _numbers(products, "stock_code", "views"),
        _numbers(products, "stock_code", "carts"),
        _numbers(words, "words", "times"),
        {row.get("stock_code") or row["words"]: row["heat"] for row in [*products, *words]},
    )


def _numbers(rows: list[dict[str, Any]], name: str, number: str) -> dict[str, int]:
    return {row[name]: row[number] for row in rows if row[number]}


def assert_same(found: Counted, wanted: Counted) -> None:
    """Counts to the last one, heat as exactly as floating point lets it be added up in any order."""
    assert found[:3] == wanted[:3]
    assert found.heat.keys() == wanted.heat.keys()
    off = {name: (found.heat[name], heat) for name, heat in wanted.heat.items() if abs(found.heat[name] - heat) > 1e-6}
    assert not off

"""The work that all contenders do alike: ~200-byte events, the aggregates they belong to, the HTTP order.

Deterministic and standard library only, so that every environment can import it. `emmett_load.mjs` writes the
same event in JavaScript; change both together.
"""

import json
from typing import Any

EVENT_TYPE = "item.added"
AGGREGATES = 1_000
EVENTS_PER_AGGREGATE = 100
CUSTOMERS = 5_000
"""Keys of the catch-up's view."""
STREAMS_PER_WORKER = 16
DEFAULT_CONCURRENCY = 64
BATCH = 1_000
STREAM_BATCH = 500
"""Records of a publish, and of a fetch."""


def event(n: int) -> dict[str, Any]:
    """The n-th event's data: about 200 bytes as compact JSON."""
    return {
        "item_id": f"item-{n:08}",
        "customer_id": customer(n),
        "sku": f"SKU-{n * 31 % 4_000:05}",
        "description": "Enamel teapot, hand-painted, 1.2 l",
        "quantity": n % 12 + 1,
        "price_pence": n * 37 % 10_000 + 99,
        "at": f"2026-01-{n // 86_400 % 28 + 1:02}T{n // 3_600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}Z",
    }


def event_json(n: int) -> str:
    """`event(n)` as compact JSON."""
    return json.dumps(event(n), separators=(",", ":"))


def samples(count: int = 10_000) -> list[str]:
    """Events made beforehand, so that making them isn't measured: take the n-th modulo their number."""
    return [event_json(n) for n in range(count)]


def customer(n: int) -> str:
    """Whose event the n-th is: spread over all customers, no two neighbours alike."""
    return f"customer-{n * 7_919 % CUSTOMERS:05}"


def place(worker: int, k: int) -> tuple[str, int]:
    """Stream and version (from 1) of a worker's k-th single append; no two workers share a stream."""
    return f"order-{worker:02}-{k % STREAMS_PER_WORKER:02}", k // STREAMS_PER_WORKER + 1


def aggregate(n: int) -> str:
    """The n-th aggregate's stream, n counted round and round."""
    return f"cart-{n % AGGREGATES:04}"


def far_apart(k: int) -> int:
    """The k-th aggregate to load: all in turn, neighbours in time far apart in the store."""
    return k * 617 % AGGREGATES


def catchup_events(quick: bool) -> int:
    """How many events a catch-up reads."""
    return 100_000 if quick else 500_000


def pg_catchup_events(quick: bool) -> int:
    """The same on PostgreSQL, where each round copies the whole database."""
    return 50_000 if quick else 200_000


def stream_records(quick: bool) -> int:
    """How many records a topic has that is read."""
    return 100_000 if quick else 500_000


def mine(worker: int, k: int) -> int:
    """The aggregate of a worker's k-th command: each worker has its own share of them, and takes them in turn."""
    share = range(worker, AGGREGATES, DEFAULT_CONCURRENCY)
    return share[k % len(share)]


def order_json(n: int) -> bytes:
    """Body of the n-th `POST` of an order; order ids never repeat within a server's life."""
    lines = [{"sku": f"SKU-{n * 31 % 4_000 + i:05}", "quantity": n % 12 + 1, "price_pence": 1_299} for i in range(2)]
    order = {"order_id": f"order-{n:08}", "customer_id": customer(n), "currency": "GBP", "lines": lines}
    return json.dumps(order, separators=(",", ":")).encode()

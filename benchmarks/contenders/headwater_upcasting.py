"""upcast-3: a batch of events decoded into classes, as they are written today, or as three versions ago."""

import asyncio
from typing import Any

import msgspec

from benchmarks.contender import options, per_second, play
from benchmarks.workload import BATCH, event
from headwater import Write, open_store
from headwater import event as declared_event
from headwater.codec import BatchDecoder, EventCatalog
from headwater.messages import ALL, Batch, NewEvent
from headwater.upcasting import derived, dropped, renamed, upcast, with_default

OPTIONS = options()
VERSION = {"now": 4, "old": 1, "old-derived": 1}[OPTIONS.mode]


@declared_event("item.added", version=4)
class ItemAdded:
    item_id: str
    customer_id: str
    sku: str
    description: str
    quantity: int
    price_pence: int
    recorded_at: str
    currency: str


LAST = (dropped("colour"),) if OPTIONS.mode != "old-derived" else (derived("quantity", lambda data: data["quantity"]),)
HISTORY = [
    upcast("item.added", 1, renamed("at", "recorded_at")),
    upcast("item.added", 2, with_default("currency", "GBP")),
    upcast("item.added", 3, *LAST),
]


def written(n: int) -> dict[str, Any]:
    """The n-th event as its version has it."""
    data = event(n)
    return data if VERSION == 1 else {**data, "recorded_at": data.pop("at"), "currency": "GBP"}


async def batch() -> Batch:
    async with await open_store("memory:") as store:
        await store.append(
            Write("cart", [NewEvent("item.added", msgspec.json.encode(written(n)), VERSION) for n in range(BATCH)])
        )
        return await store.scan(ALL, limit=BATCH)


def main() -> None:
    stored = asyncio.run(batch())
    decoder: BatchDecoder[Any] = BatchDecoder(EventCatalog([ItemAdded], HISTORY))
    today = {**event(7), "currency": "GBP"}
    assert decoder.decode(stored)[7] == ItemAdded(recorded_at=today.pop("at"), **today)
    play(lambda _: BATCH * per_second(lambda _: decoder.decode(stored), OPTIONS.seconds))


if __name__ == "__main__":
    main()

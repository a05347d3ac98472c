"""Makes `first_year.db`: a store as the shop's first version wrote it, and a little of today's. Deterministic.

    python tests/shop/history/make.py FILE

It knows nothing of the shop's classes: an old version is what it was, whatever becomes of them.
"""

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from headwater import ManualClock, NewEvent, Write, open_store

START = datetime(2019, 3, 1, 9, tzinfo=UTC)
GOODS = {"mug": "4.25", "lamp": "19.90", "card": "0.65", "bell": "7.50", "tray": "12.00"}
COUNTRIES = ("France", "Norway", "Spain")


class Year:
    """The events of a year, in order."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self.writes: list[Write] = []

    def record(self, stream: str, *events: tuple[str, int, dict[str, Any]]) -> None:
        made = []
        for type, version, data in events:
            self.now += timedelta(minutes=self.chance.randrange(1, 90))
            at = {"at": self.now.isoformat().replace("+00:00", "Z")}
            time = int(self.now.timestamp()) * 1_000_000
            id = f"first-{len(self.writes)}-{len(made)}"
            made.append(NewEvent(type, json.dumps({**data, **at}).encode(), version, id=id, time=time))
        self.writes.append(Write(stream, made))

    def products(self) -> None:
        for number, (code, price) in enumerate(GOODS.items()):
            facts = {"stock_code": code, "name": code.title(), "category": "gifts", "price": price, "on_hand": 500}
            newer = number == len(GOODS) - 1
            self.record(f"product-{code}", ("product.listed" if newer else "product.created", 1, facts))
        self.record("product-mug", ("product.repriced", 1, {"stock_code": "mug", "price": "4.50"}))

    def customer(self, number: int) -> dict[str, Any]:
        id, country = f"c{number}", COUNTRIES[number % 3]
        who = {"customer_id": id, "name": f"Customer {number}", "email": f"{id}@example.org"}
        address = {"street": f"{number} Mill Lane", "city": "Here", "postcode": "1", "country": country}
        self.record(f"customer-{id}", ("customer.registered", 1, {**who, "address": address}))
        if number % 2:
            address = {**address, "street": f"{number} New Street", "country": COUNTRIES[(number + 1) % 3]}
            who = {**who, "name": f"Married {number}"}
            self.record(f"customer-{id}", ("customer.details_changed", 1, {**who, "address": address}))
        if number % 3 == 0:
            who = {**who, "email": f"new-{id}@example.org"}
            self.record(f"customer-{id}", ("customer.details_changed", 2, who))
        return {**who, "address": address}

    def order(self, number: int, who: dict[str, Any]) -> None:
        id, cart = f"o{number}", f"k{number}"
        codes = self.chance.sample(sorted(GOODS), 2)
        lines = [
            {
                "stock_code": code,
                "name": code.title(),
                "quantity": self.chance.randrange(1, 5),
                "unit_price": GOODS[code],
            }
            for code in codes
        ]
        total = str(sum(Decimal(line["unit_price"]) * line["quantity"] for line in lines))
        self.record(f"cart-{cart}", *(("cart.item_added", 1, {"cart_id": cart, **line}) for line in lines))
        self.record(f"cart-{cart}", ("cart.viewed", 1, {"cart_id": cart, "by": "somebody"}))
        if number % 5 == 0:
            return  # left in the shop
        named = {"customer_id": who["customer_id"], "customer_name": who["name"], "address": who["address"]}
        facts = {"order_id": id, **named, "lines": lines}
        self.record(f"cart-{cart}", ("cart.checked_out", 1, {"cart_id": cart, **facts, "total": total}))
        newer = number % 4 == 0
        sum_of = {"total": total} if newer else {"amount": total}
        self.record(f"order-{id}", ("order.placed", 2 if newer else 1, {**facts, **sum_of}))
        for line in lines:
            code, quantity = line["stock_code"], line["quantity"]
            wanted = {"stock_code": code, "order_id": id, "quantity": quantity}
            self.record(f"product-{code}", ("product.stock_reserved", 1, wanted))
            self.record(f"order-{id}", ("order.line_reserved", 1, {"order_id": id, "stock_code": code}))
        due = {"order_id": id, "payment_id": f"{id}-1", "amount": total, "attempt": 1}
        self.record(f"order-{id}", ("order.payment_due", 1, due))
        if number % 3 == 0:
            return  # not paid yet
        paid = {"order_id": id, "payment_id": f"{id}-1", "customer_id": who["customer_id"], "lines": lines, **sum_of}
        where = {"country": who["address"]["country"]} if newer else {"address": who["address"]}
        self.record(f"order-{id}", ("order.paid", 2 if newer else 1, {**paid, **where}))


def first_year(seed: int = 1) -> Sequence[Write]:
    """What there was to record."""
    year = Year(seed)
    year.products()
    customers = [year.customer(number) for number in range(1, 8)]
    for number in range(1, 31):
        year.order(number, year.chance.choice(customers))
    return year.writes


async def write(url: str) -> None:
    """Record the year in an empty store."""
    async with await open_store(url, clock=ManualClock()) as store:
        for each in first_year():
            await store.append(each)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.unlink(missing_ok=True)
    asyncio.run(write(f"sqlite:///{file}"))

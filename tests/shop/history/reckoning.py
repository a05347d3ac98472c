"""What the views must hold after the first year, reckoned from the raw rows of the file with a reading of its own of
every version: no upcaster and no class of the shop has a part in it."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

Event = tuple[str, int, dict[str, Any]]
Rows = dict[str, dict[str, Any]]


def events(path: Path) -> list[Event]:
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT type, type_version, data FROM events ORDER BY position").fetchall()
    return [(type, version, json.loads(data)) for type, version, data in rows]


def reckoned(path: Path) -> dict[str, Rows]:
    """The rows of each view by key; only fields that are not as in an empty row."""
    found = events(path)
    return {
        "customer": customers(found), "cart": carts(found), "order_summary": orders(found),
        "product_card": products(found), "sales_day": days(found), "rejected_row": {},
    }  # fmt: skip


def paid(found: list[Event]) -> Iterator[tuple[dict[str, Any], Decimal, str]]:
    """Paid orders, each with its money and country."""
    for type, version, data in found:
        if type == "order.paid":
            old = version == 1
            yield data, Decimal(data["amount" if old else "total"]), (data["address"] if old else data)["country"]


def worth(lines: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(line["unit_price"]) * line["quantity"] for line in lines), Decimal(0))


def customers(found: list[Event]) -> Rows:
    rows: Rows = defaultdict(dict)
    for type, _, data in found:
        if type.startswith("customer."):
            row = rows[data["customer_id"]]
            row |= {name: data[name] for name in ("customer_id", "name", "email", "address") if name in data}
            row["country"] = row["address"]["country"]
    for data, total, _ in paid(found):
        row = rows[data["customer_id"]]
        row |= {"bought": True, "orders": row.get("orders", 0) + 1, "spent": row.get("spent", 0) + total}
    return dict(rows)


def carts(found: list[Event]) -> Rows:
    rows: Rows = {}
    for type, _, data in found:
        if type == "cart.item_added":
            row = rows.setdefault(data["cart_id"], {"cart_id": data["cart_id"], "lines": []})
            row["lines"].append({name: data[name] for name in ("stock_code", "name", "quantity", "unit_price")})
        elif type == "cart.checked_out":
            rows[data["cart_id"]]["order_id"] = data["order_id"]
    for row in rows.values():
        row |= {"items": sum(line["quantity"] for line in row["lines"]), "total": worth(row["lines"])}
    return rows


def orders(found: list[Event]) -> Rows:
    rows: Rows = {}
    for type, version, data in found:
        if type == "order.placed":
            rows[data["order_id"]] = {
                **{name: data[name] for name in ("order_id", "customer_id", "customer_name", "address", "lines")},
                "country": data["address"]["country"], "kind": "order", "origin": "shop", "status": "placed",
                "total": Decimal(data["amount" if version == 1 else "total"]),
                "placed_at": data["at"], "updated_at": data["at"],
            }  # fmt: skip
        elif type == "order.payment_due":
            rows[data["order_id"]] |= {"status": "payment_due", "updated_at": data["at"]}
        elif type == "order.paid":
            rows[data["order_id"]] |= {"status": "paid", "paid_at": data["at"], "updated_at": data["at"]}
    return rows


def products(found: list[Event]) -> Rows:
    rows: Rows = {}
    for type, _, data in found:
        if type in ("product.created", "product.listed"):
            facts = {name: data[name] for name in ("stock_code", "name", "category", "on_hand")}
            rows[data["stock_code"]] = {**facts, "price": Decimal(data["price"]), "listed": True}
        elif type == "product.repriced":
            rows[data["stock_code"]]["price"] = Decimal(data["price"])
        elif type == "product.stock_reserved":
            row = rows[data["stock_code"]]
            row["reserved"] = row.get("reserved", 0) + data["quantity"]
    for data, _, _ in paid(found):
        for line in data["lines"]:
            row = rows[line["stock_code"]]
            row["sold"] = row.get("sold", 0) + line["quantity"]
            row["revenue"] = row.get("revenue", 0) + worth([line])
            row["sale_rows"] = row.get("sale_rows", 0) + 1
    for row in rows.values():
        row["available"] = row["on_hand"] - row.get("reserved", 0)
    return rows


def days(found: list[Event]) -> Rows:
    rows: Rows = {}
    for data, total, country in paid(found):
        day = data["at"][:10]
        row = rows.setdefault(f"{day}|{country}", {"key": f"{day}|{country}", "day": day, "country": country})
        row["gross"] = row.get("gross", 0) + total
    return rows

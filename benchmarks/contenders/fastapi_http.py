"""http: FastAPI committing to sqlite3 inline (WAL, synchronous=FULL), as a first version is usually written."""

import sqlite3
import sys
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.contenders.apsw_store import INSERT, SCHEMA
from benchmarks.serving import serve

app = FastAPI()
db = sqlite3.connect(Path(sys.argv[1]) / "events.db", isolation_level=None)
for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", SCHEMA):
    db.execute(statement).fetchall()


class Line(BaseModel):
    sku: str
    quantity: int
    price_pence: int


class Order(BaseModel):
    order_id: str
    customer_id: str
    currency: str
    lines: list[Line]


class Placed(BaseModel):
    order_id: str
    position: int


@app.post("/orders", status_code=201)
async def place_order(order: Order) -> Placed:
    cursor = db.execute(INSERT, (f"order-{order.order_id}", 1, "order.placed", order.model_dump_json()))
    assert cursor.lastrowid is not None
    return Placed(order_id=order.order_id, position=cursor.lastrowid)


if __name__ == "__main__":
    serve(app, "/orders")

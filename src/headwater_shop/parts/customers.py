"""Customers: their data access in plain SQL."""

from datetime import datetime
from typing import Final

import msgspec

from headwater.clock import Clock, SystemClock, to_datetime
from headwater_shop.contract import Customer, NewCustomer
from headwater_shop.domain import customer
from headwater_shop.domain.shared import Address
from headwater_shop.parts.database import Connection, Database

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS customer (customer_id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, "
    "address TEXT NOT NULL)",
)

_address = msgspec.json.Decoder(Address).decode


class Customers:
    """People in a database."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or SystemClock()

    async def put(self, customer_id: str, new: NewCustomer) -> Customer:
        at = to_datetime(self._clock.now())
        return await self._database.change(lambda on: put(on, customer_id, new, at))

    async def find(self, customer_id: str) -> Customer | None:
        return await self._database.read(lambda on: find(on, customer_id))


# What is done within a transaction


def put(on: Connection, customer_id: str, new: NewCustomer, at: datetime) -> Customer:
    asked = customer.RegisterCustomer(customer_id, new.name, new.email, at, new.address)
    customer.decide(asked, customer.Customer())
    on.run(
        "INSERT INTO customer VALUES (?, ?, ?, ?) ON CONFLICT (customer_id) DO UPDATE SET name = excluded.name, "
        "email = excluded.email, address = excluded.address",
        customer_id, new.name, new.email, msgspec.json.encode(new.address).decode(),
    )  # fmt: skip
    return Customer(customer_id, new.name, new.email, new.address)


def find(on: Connection, customer_id: str) -> Customer | None:
    rows = on.rows("SELECT * FROM customer WHERE customer_id = ?", customer_id)
    if not rows:
        return None
    return Customer(customer_id, rows[0]["name"], rows[0]["email"], _address(rows[0]["address"]))

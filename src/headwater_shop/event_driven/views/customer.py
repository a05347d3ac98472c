"""Customers: who they are and what they have bought."""

from decimal import Decimal
from typing import assert_never

import msgspec
from msgspec.structs import replace

from headwater import View
from headwater_shop.domain import customer, money, order_events
from headwater_shop.domain.invoice import OrderImported, ReturnImported
from headwater_shop.domain.shared import Address


class CustomerRow(msgspec.Struct, frozen=True):
    """A customer, registered or only known from history. `orders` and `spent` count paid and historical sales, by
    invoice section; `bought` says that a sale or a return row names them."""

    customer_id: str
    name: str = ""
    email: str = ""
    address: Address = Address()
    country: str = ""
    bought: bool = False
    orders: int = 0
    spent: Decimal = money.ZERO
    returned: Decimal = money.ZERO


CustomerRowEvent = (
    customer.CustomerEvent | order_events.OrderPaid | order_events.OrderReturned | OrderImported | ReturnImported
)


def _customer_key(event: CustomerRowEvent) -> str | None:
    return event.customer_id or None


def _evolve_customer(row: CustomerRow, event: CustomerRowEvent) -> CustomerRow:
    match event:
        case customer.CustomerRegistered():
            where = event.address.country
            return replace(row, name=event.name, email=event.email, address=event.address, country=where)
        case customer.DetailsChanged():
            return replace(row, name=event.name, email=event.email)
        case customer.AddressChanged():
            return replace(row, address=event.address, country=event.address.country)
        case OrderImported() | order_events.OrderPaid():
            spent = money.add(row.spent, event.total)
            return replace(row, bought=True, orders=row.orders + 1, spent=spent, country=row.country or event.country)
        case ReturnImported():
            back = money.subtract(row.returned, event.total)
            return replace(row, bought=True, returned=back, country=row.country or event.country)
        case order_events.OrderReturned():
            return replace(row, returned=money.add(row.returned, event.total))
        case _:
            assert_never(event)


customer_view = View("customer", key=_customer_key, initial=CustomerRow, evolve=_evolve_customer)

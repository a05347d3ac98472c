"""The application for orders and those who give them."""

from starlette.routing import BaseRoute

from headwater_shop.parts import customers, orders
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.inner import book_routes
from headwater_shop.parts.outer import orders_seen_routes, people_routes


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    database = await bench.database(orders.TABLES, customers.TABLES)
    book = orders.Orders(database)
    return [*people_routes(customers.Customers(database)), *orders_seen_routes(book), *book_routes(book)]

"""The order service: it keeps the orders."""

from starlette.routing import BaseRoute

from headwater_shop.parts import orders
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.inner import book_routes
from headwater_shop.parts.outer import orders_seen_routes


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    book = orders.Orders(await bench.database(orders.TABLES))
    return [*orders_seen_routes(book), *book_routes(book)]

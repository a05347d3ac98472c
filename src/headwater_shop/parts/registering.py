"""The service that has the customers, which is the same wherever there is one."""

from starlette.routing import BaseRoute

from headwater_shop.parts import customers
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.outer import people_routes


async def make_customers(bench: Bench) -> list[BaseRoute]:
    """The service."""
    return [*people_routes(customers.Customers(await bench.database(customers.TABLES)))]

"""The service that has the products, which is the same wherever there is one."""

from starlette.routing import BaseRoute

from headwater_shop.parts import products
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.inner import stock_routes
from headwater_shop.parts.outer import shelf_routes


async def make_products(bench: Bench) -> list[BaseRoute]:
    """The service."""
    mine, form = products.Products(await bench.database(products.TABLES)), bench.given.interface
    return [*shelf_routes(mine, form), *stock_routes(mine, form)]

"""The orders service: it keeps the orders, and sees to them."""

from starlette.routing import BaseRoute

from headwater_shop.architecture import BANK
from headwater_shop.parts import orders
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.inner import RemoteBank, RemoteStock
from headwater_shop.parts.outer import deals_routes
from headwater_shop.parts.recovering import recovery
from headwater_shop.parts.selling import Selling


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    given, book = bench.given, orders.Orders(await bench.database(orders.TABLES))
    stock, bank = RemoteStock(bench.peer("products"), given.interface), RemoteBank(bench.peer(BANK))
    selling = Selling(stock, book, bank, bench.beside, given.packing)
    bench.beside(recovery(bench, book, selling.take_on).run())
    return [*deals_routes(selling)]

"""The whole shop as one service."""

from starlette.routing import BaseRoute

from headwater_shop.architecture import BANK
from headwater_shop.parts import customers, orders, products
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.front import front
from headwater_shop.parts.inner import RemoteBank
from headwater_shop.parts.recovering import recovery
from headwater_shop.traditional.counter import Counter


async def make(bench: Bench) -> list[BaseRoute]:
    """The shop, pages included."""
    database = await bench.database(products.TABLES, orders.TABLES, customers.TABLES)
    book = orders.Orders(database)
    counter = Counter(database, RemoteBank(bench.peer(BANK)), bench.beside, bench.given.packing)
    bench.beside(recovery(bench, book, counter.take_on).run())
    shelf, people = products.Products(database), customers.Customers(database)
    return front(bench, "traditional", shelf, people, counter)

"""The bus: a façade before the applications, which finds who has what, and conducts an order's way through them."""

from starlette.routing import BaseRoute

from headwater_shop.architecture import BANK
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.inner import RemoteBank, RemoteBook, RemoteStock
from headwater_shop.parts.outer import RemotePeople, RemoteShelf, deals_routes, people_routes, shelf_routes
from headwater_shop.parts.recovering import recovery
from headwater_shop.parts.selling import Selling


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    given, orders, products = bench.given, bench.peer("orders"), bench.peer("products")
    stock, book, bank = RemoteStock(products, given.interface), RemoteBook(orders), RemoteBank(bench.peer(BANK))
    selling = Selling(stock, book, bank, bench.beside, given.packing)
    bench.beside(recovery(bench, book, selling.take_on).run())
    shelf = shelf_routes(RemoteShelf(products, given.interface))
    return [*shelf, *people_routes(RemotePeople(orders)), *deals_routes(selling)]

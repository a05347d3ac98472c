"""The checkout service: it keeps nothing, and asks everybody."""

from starlette.routing import BaseRoute

from headwater_shop.architecture import BANK
from headwater_shop.contract import Checkout, PlacedOrder
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.inner import RemoteBank, RemoteBook, RemoteStock
from headwater_shop.parts.outer import RemotePeople, deals_routes
from headwater_shop.parts.ports import People
from headwater_shop.parts.recovering import recovery
from headwater_shop.parts.selling import Selling
from headwater_shop.point_to_point.naive import NaiveSelling


async def make(bench: Bench) -> list[BaseRoute]:
    """The service, in the manner that it was given."""
    given, people = bench.given, RemotePeople(bench.peer("customer"))
    stock = RemoteStock(bench.peer("product"), given.interface)
    book, bank = RemoteBook(bench.peer("order")), RemoteBank(bench.peer(BANK))
    if given.manner == "naive":
        return [*deals_routes(NaiveSelling(people, stock, book, bank, bench.beside, given.packing))]
    selling = Selling(stock, book, bank, bench.beside, given.packing)
    bench.beside(recovery(bench, book, selling.take_on).run())
    return [*deals_routes(Checking(selling, people))]


class Checking:
    """Deals that know their customer first. Somebody who never registered may buy, too: as everywhere."""

    def __init__(self, selling: Selling, people: People) -> None:
        self._selling = selling
        self._people = people
        self.order, self.of_customer = selling.order, selling.of_customer
        self.cancel, self.pay = selling.cancel, selling.pay

    async def place(self, order_id: str, wanted: Checkout) -> PlacedOrder:
        await self._people.find(wanted.customer_id)
        return await self._selling.place(order_id, wanted)

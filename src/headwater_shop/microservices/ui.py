"""The front door: it asks whoever has it."""

from starlette.routing import BaseRoute

from headwater_shop.parts.bench import Bench
from headwater_shop.parts.front import front
from headwater_shop.parts.outer import RemoteDeals, RemotePeople, RemoteShelf


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    shelf = RemoteShelf(bench.peer("products"), bench.given.interface)
    people, deals = RemotePeople(bench.peer("customers")), RemoteDeals(bench.peer("orders"))
    return front(bench, "microservices", shelf, people, deals)

"""The gui service: it asks whoever has it."""

from starlette.routing import BaseRoute

from headwater_shop.parts.bench import Bench
from headwater_shop.parts.outer import (
    RemoteDeals,
    RemotePeople,
    RemoteShelf,
    deals_routes,
    people_routes,
    shelf_routes,
)


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    shelf = RemoteShelf(bench.peer("product"), bench.given.interface)
    deals = RemoteDeals(bench.peer("checkout"), seen_at=bench.peer("order"))
    return [*shelf_routes(shelf), *people_routes(RemotePeople(bench.peer("customer"))), *deals_routes(deals)]

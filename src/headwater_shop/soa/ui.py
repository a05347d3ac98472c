"""The front door: all that it is asked for, it asks the bus for."""

from starlette.routing import BaseRoute

from headwater_shop.parts.bench import Bench
from headwater_shop.parts.front import front
from headwater_shop.parts.outer import RemoteDeals, RemotePeople, RemoteShelf


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    bus = bench.peer("bus")
    return front(bench, "soa", RemoteShelf(bus), RemotePeople(bus), RemoteDeals(bus))

"""The front door: all that it is asked for, it asks the gui service for."""

from starlette.routing import BaseRoute

from headwater_shop.parts.bench import Bench
from headwater_shop.parts.front import front
from headwater_shop.parts.outer import RemoteDeals, RemotePeople, RemoteShelf


async def make(bench: Bench) -> list[BaseRoute]:
    """The service."""
    gui = bench.peer("gui")
    return front(bench, f"point_to_point/{bench.given.manner}", RemoteShelf(gui), RemotePeople(gui), RemoteDeals(gui))

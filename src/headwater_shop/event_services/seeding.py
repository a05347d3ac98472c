"""Putting products onto the shelves of a shop before its services start."""

from collections.abc import Iterable

from headwater.app import Runtime
from headwater.clock import to_datetime
from headwater_shop.contract import Item
from headwater_shop.domain.product import EnsureListed
from headwater_shop.event_driven.services import FRONT, part
from headwater_shop.running import make_room


async def stock(store: str, broker: str, items: Iterable[Item]) -> None:
    """List the items, each with what is available of it. Those that are listed already are left as they are."""
    make_room(store)
    async with Runtime.open(part(FRONT).app, store, broker=broker, workers=False) as runtime:
        at = to_datetime(runtime.clock.now())
        for each in items:
            wanted = EnsureListed(each.stock_code, each.name, each.category, each.price, at, on_hand=each.available)
            await runtime.execute(wanted)

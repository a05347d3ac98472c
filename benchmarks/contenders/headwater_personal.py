"""append-personal, execute-personal: through a running application, the description of an item being personal or not.

Every subject has its key beforehand, and they are at hand.
"""

import asyncio
from pathlib import Path
from typing import Annotated

from benchmarks.contender import options, play, tasks_per_second
from benchmarks.workload import DEFAULT_CONCURRENCY, event, place
from headwater import App, Decider, Personal, Runtime, Subject, Write, command
from headwater import event as declared_event
from headwater.keys.fetching import with_keys

OPTIONS = options()
WHAT, _, PLAIN = OPTIONS.mode.partition("-")
Description = str if PLAIN else Annotated[str, Personal()]


@declared_event("item.added")
class ItemAdded:
    item_id: str
    customer_id: Annotated[str, Subject()]
    sku: str
    description: Description  # type: ignore[valid-type]
    quantity: int
    price_pence: int
    at: str


@command("cart.add_item")
class AddItem:
    cart: str
    item: ItemAdded


def decide(wanted: AddItem, count: int) -> list[ItemAdded]:
    return [wanted.item]


def evolve(count: int, added: ItemAdded) -> int:
    return count + 1


ITEMS = [ItemAdded(**event(n)) for n in range(10_000)]
APP = App("carts", deciders=[Decider("cart", int, decide, evolve, stream=lambda wanted: wanted.cart)])


async def measure(directory: Path) -> float:
    keys = f"sqlite:///{OPTIONS.dir / 'keys.db'}"
    async with Runtime.open(APP, f"sqlite:///{directory / 'events.db'}", keys=keys) as runtime:
        encode = runtime.app.events.encode
        await with_keys(lambda: runtime.app.events.check_subjects(ITEMS))

        async def append(worker: int, k: int) -> None:
            stream, version = place(worker, k)
            new = await with_keys(lambda: encode(ITEMS[(k * 64 + worker) % len(ITEMS)]))
            await runtime.store.append(Write(stream, [new], expected=version - 1))

        async def execute(worker: int, k: int) -> None:
            await runtime.execute(AddItem(f"{worker}-{k}", ITEMS[(k * 64 + worker) % len(ITEMS)]))

        work = append if WHAT == "append" else execute
        return await tasks_per_second(work, DEFAULT_CONCURRENCY, OPTIONS.seconds)


if __name__ == "__main__":
    play(lambda directory: asyncio.run(measure(directory)))

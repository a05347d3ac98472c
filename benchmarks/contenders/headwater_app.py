"""The application that Headwater's contenders run: a cart that items are added to, and what each customer spends."""

from pathlib import Path

import msgspec

from benchmarks.workload import AGGREGATES, EVENTS_PER_AGGREGATE, aggregate, event
from headwater import App, Decider, NewEvent, Rejected, View, Write, open_store
from headwater import command as declared_command
from headwater import event as declared_event
from headwater.store.port import EventStore


@declared_event("item.added")
class ItemAdded:
    item_id: str
    customer_id: str
    sku: str
    description: str
    quantity: int
    price_pence: int
    at: str


@declared_command("cart.add_item")
class AddItem:
    cart: str
    item: ItemAdded


class Cart(msgspec.Struct, frozen=True, gc=False):
    items: int = 0
    total: int = 0
    last: str = ""


def evolve_cart(cart: Cart, event: ItemAdded) -> Cart:
    return Cart(cart.items + 1, cart.total + event.quantity * event.price_pence, event.at)


def decide(command: AddItem, cart: Cart) -> list[ItemAdded]:
    """A cart takes no item that costs nothing."""
    if command.item.price_pence <= 0:
        raise Rejected("an item has a price")
    return [command.item]


class Spending(msgspec.Struct, frozen=True, gc=False):
    customer_id: str
    items: int = 0
    total: int = 0
    last: str = ""


def evolve_spending(row: Spending, event: ItemAdded) -> Spending:
    return Spending(row.customer_id, row.items + 1, row.total + event.quantity * event.price_pence, event.at)


carts = Decider("cart", Cart, decide, evolve_cart, stream=lambda command: command.cart)
spending = View("spending", key=lambda event: event.customer_id, initial=Spending, evolve=evolve_spending)
app = App("carts", deciders=[carts], views=[spending])


def item(n: int) -> ItemAdded:
    return ItemAdded(**event(n))


def new_event(n: int) -> NewEvent:
    return app.events.encode(item(n))


async def populate(path: Path, events: int = AGGREGATES * EVENTS_PER_AGGREGATE) -> Path:
    """Fills a file."""
    await populate_at(f"sqlite:///{path}", events)
    return path


async def populate_at(url: str, events: int) -> None:
    """Appends round-robin over the aggregates, so that an aggregate's events were never neighbours in time."""
    async with await open_store(url) as store:
        for start in range(0, events, AGGREGATES):
            numbers = range(start, start + AGGREGATES)
            await store.append(*(Write(aggregate(n), [new_event(n)]) for n in numbers))


async def opened(path: Path) -> EventStore:
    """A store in a file, or in the database that its directory comes with."""
    database = path.parent / "postgres"
    return await open_store(database.read_text() if database.exists() else f"sqlite:///{path}")

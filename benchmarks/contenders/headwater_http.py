"""http: the command endpoint that Headwater makes of a declaration, served as `headwater run` does."""

import sys

import msgspec

from headwater import App, Decider, Rejected, Runtime, command, event
from headwater.http import Address, http_app, run, serve


class Line(msgspec.Struct, frozen=True):
    sku: str
    quantity: int
    price_pence: int


@event("order.placed")
class OrderPlaced:
    order_id: str
    customer_id: str
    currency: str
    lines: list[Line]


@command("order.place")
class PlaceOrder:
    order_id: str
    customer_id: str
    currency: str
    lines: list[Line]


def decide(command: PlaceOrder, placed: bool) -> list[OrderPlaced]:
    if placed:
        raise Rejected("this order was placed before", code="placed_before")
    return [OrderPlaced(command.order_id, command.customer_id, command.currency, command.lines)]


def evolve(placed: bool, event: OrderPlaced) -> bool:
    return True


orders = Decider("order", bool, decide, evolve, stream=lambda command: command.order_id)


async def main() -> None:
    async with Runtime.open(App("orders", deciders=[orders]), f"sqlite:///{sys.argv[1]}/events.db") as runtime:
        await serve(http_app(runtime), port=0, started=say_ready, http="httptools")


def say_ready(address: Address) -> None:
    print(f"READY {address.port} /commands/order.place", flush=True)


if __name__ == "__main__":
    run(main())

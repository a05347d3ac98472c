"""http: the command endpoint that Headwater makes of a declaration."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from benchmarks.serving import serve
from headwater import App, Decider, Rejected, Runtime, command, event
from headwater.http import http_app


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


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with Runtime.open(App("orders", deciders=[orders]), f"sqlite:///{sys.argv[1]}/events.db") as runtime:
        endpoints.append(http_app(runtime))
        yield


endpoints: list[Starlette] = []
starting = Starlette(lifespan=lifespan)


async def server(scope: Scope, receive: Receive, send: Send) -> None:
    """The endpoints as they are served by `headwater run`; the runtime opens with the server's loop."""
    await (endpoints[0] if scope["type"] == "http" else starting)(scope, receive, send)


if __name__ == "__main__":
    serve(server, "/commands/order.place")

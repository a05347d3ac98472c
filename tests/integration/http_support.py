"""A small application, and a real server for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, assert_never

import httpx
import msgspec

from headwater.app import Runtime
from headwater.codec import command, event
from headwater.errors import Rejected
from headwater.fold import App, Decider, View
from headwater.http import Limits, http_app, serving

OrderId = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]+$", min_length=1, max_length=50)]


@command("order.place")
class PlaceOrder:
    order_id: OrderId
    customer_id: str
    total: Decimal = Decimal("1.50")
    note: str = ""


@command("order.cancel")
class CancelOrder:
    order_id: OrderId


@command("order.break")
class BreakOrder:
    """A bug in the domain."""

    order_id: str


@event("order.placed")
class OrderPlaced:
    order_id: str
    customer_id: str
    total: Decimal
    note: str = ""


@event("order.cancelled")
class OrderCancelled:
    order_id: str


@dataclass(frozen=True)
class Order:
    status: str = "new"


OrderEvent = OrderPlaced | OrderCancelled


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderPlaced():
            return Order("placed")
        case OrderCancelled():
            return Order("cancelled")
    assert_never(event)


def decide(command: PlaceOrder | CancelOrder | BreakOrder, order: Order) -> list[OrderEvent]:
    match command:
        case PlaceOrder(order_id=id):
            if order.status != "new":
                raise Rejected(f"order {id} exists", "order-exists", order_id=id, status=order.status)
            return [OrderPlaced(id, command.customer_id, command.total, command.note)]
        case CancelOrder(order_id=id):
            return [OrderCancelled(id)] if order.status == "placed" else []
        case BreakOrder():
            raise RuntimeError("secret of the house")
    assert_never(command)


class Summary(msgspec.Struct, frozen=True):
    order_id: str
    customer_id: str = ""
    status: Literal["placed", "cancelled"] = "placed"
    total: Decimal = Decimal(0)
    changes: int = 0
    big: bool = False
    placed_at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    history: tuple[str, ...] = ()
    weight: float | None = None


def summarise(row: Summary, event: OrderEvent) -> Summary:
    match event:
        case OrderPlaced():
            return msgspec.structs.replace(
                row, customer_id=event.customer_id, total=event.total, big=event.total >= 100,
                changes=row.changes + 1, history=(*row.history, "placed"),
            )  # fmt: skip
        case OrderCancelled():
            return msgspec.structs.replace(
                row, status="cancelled", changes=row.changes + 1, history=(*row.history, "cancelled")
            )
    assert_never(event)


orders = Decider(
    "order", initial=Order, decide=decide, evolve=evolve, stream=lambda c: c.order_id,
    tags=lambda e: [f"order:{e.order_id}"],
)  # fmt: skip
summaries = View("order_summary", key=lambda e: e.order_id, initial=Summary, evolve=summarise)
app = App("tiny", deciders=[orders], views=[summaries])


@dataclass(frozen=True)
class Served:
    """A running server and a client for it."""

    runtime: Runtime
    client: httpx.AsyncClient
    port: int

    async def post(self, name: str, content: Any, **headers: str) -> httpx.Response:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.client.post(f"/commands/{name}", json=content, headers=named)

    async def place(self, order_id: str, customer_id: str = "c1", **more: Any) -> httpx.Response:
        return await self.post("order.place", {"order_id": order_id, "customer_id": customer_id, **more})


@asynccontextmanager
async def served(limits: Limits | None = None, **options: Any) -> AsyncIterator[Served]:
    """The application on a free port, over a store in memory."""
    async with (
        Runtime.open(app) as runtime,
        serving(http_app(runtime, limits=limits, **options)) as address,
        httpx.AsyncClient(base_url=address.url, timeout=10) as client,
    ):
        yield Served(runtime, client, address.port)


def over_http(test: Callable[[Served], Awaitable[None]]) -> Callable[[], None]:
    """Runs a coroutine test against a server of its own."""

    async def with_server() -> None:
        async with served() as server:
            await test(server)

    def run() -> None:
        asyncio.run(asyncio.wait_for(with_server(), 30))

    run.__name__, run.__doc__ = test.__name__, test.__doc__  # type: ignore[attr-defined]
    return run

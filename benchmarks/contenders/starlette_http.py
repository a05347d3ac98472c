"""http: a hand-written Starlette endpoint over the apsw group commit."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.contenders.apsw_store import commit_each, open_store
from benchmarks.contenders.group_commit import GroupCommit
from benchmarks.serving import serve


class Line(msgspec.Struct):
    sku: str
    quantity: int
    price_pence: int


class Order(msgspec.Struct):
    order_id: str
    customer_id: str
    currency: str
    lines: list[Line]


DECODE = msgspec.json.Decoder(Order).decode
ENCODE = msgspec.json.Encoder().encode


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
    db = open_store(Path(sys.argv[1]) / "events.db")
    writer = GroupCommit(lambda rows: commit_each(db, rows))
    yield {"writer": writer}
    writer.close()
    db.close()


async def place_order(request: Request) -> Response:
    try:
        order = DECODE(await request.body())
    except msgspec.ValidationError as error:
        return Response(ENCODE({"detail": str(error)}), 422, media_type="application/json")
    row = (f"order-{order.order_id}", 1, "order.placed", ENCODE(order).decode())
    position = await request.state.writer.append(row)
    answer = {"order_id": order.order_id, "position": position}
    return Response(ENCODE(answer), 201, media_type="application/json")


if __name__ == "__main__":
    serve(Starlette(routes=[Route("/orders", place_order, methods=["POST"])], lifespan=lifespan), "/orders")

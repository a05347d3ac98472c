"""A small shop with its pages, and a shopper without a browser."""

import asyncio
import functools
import html
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from headwater.app import Runtime
from headwater.testing.running import asynchronous
from headwater_shop.domain.product import ListProduct
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.topics import with_clicks
from headwater_shop.web import CardDesk, shop_ui

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PRODUCTS = (
    ("mug1", "RED SPOTTY MUG", "Mugs & Teatime", "2.95", 20),
    ("mug2", "BLUE MUG", "Mugs & Teatime", "1.25", 5),
    ("pot/1", "TEAPOT <of> 100% TIN", "Mugs & Teatime", "10.00", 0),
    ("heart", "HANGING HEART_SHAPED LIGHT", "Decorations", "0.85", 100),
)

WHO = {
    "name": "Ada Brook", "email": "ada@example.org", "street": "7 Mill Lane", "city": "Millbridge", "postcode": "MB1",
    "country": "EIRE", "card": "heron",
}  # fmt: skip


@dataclass
class Shopper:
    """Somebody who visits the shop: follows redirects and keeps cookies as a browser does."""

    client: httpx.AsyncClient
    runtime: Runtime

    async def get(self, address: str, status: int = 200) -> str:
        answer = await self.client.get(address)
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)

    async def post(self, address: str, status: int = 200, **fields: str) -> str:
        """Send a form of the shop's, with the token that its pages carry."""
        answer = await self.client.post(address, data={"token": await self.token(), **fields})
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)

    async def token(self) -> str:
        page = await self.client.get("/products/mug1")
        found = re.search('name="token" value="([0-9a-f]+)"', page.text)
        assert found
        return found[1]

    async def put_into_cart(self, stock_code: str, quantity: int = 1) -> None:
        await self.post("/cart/items", stock_code=stock_code, quantity=str(quantity))

    async def order(self, **who: str) -> str:
        """Check out; the order's number."""
        answer = await self.client.post("/checkout", data={"token": await self.token(), **WHO, **who})
        assert answer.status_code == 200, answer.text
        return answer.url.path.removeprefix("/orders/")

    async def status(self, order_id: str) -> str:
        await self.runtime.idle()
        found = re.search('data-status="(.*?)"', await self.get(f"/orders/{order_id}"))
        assert found
        return found[1]


@asynccontextmanager
async def shopping(*, counted: bool = False) -> AsyncIterator[Shopper]:
    """An open shop with a few products; where it is `counted`, with a clickstream and what trends."""
    desk = CardDesk(PaymentDouble())
    app = with_clicks(shop_app(desk)) if counted else shop_app(desk)
    async with Runtime.open(app, broker="memory:" if counted else "") as runtime:
        for code, name, category, price, on_hand in PRODUCTS:
            await runtime.execute(ListProduct(code, name, category, Decimal(price), AT, on_hand=on_hand))
        await runtime.idle()
        clicks = Clicks(runtime)
        telling = asyncio.create_task(clicks.run())
        async with visitor(runtime, shop_ui(runtime, desk, clicks if counted else None)) as shopper:
            yield shopper
        telling.cancel()
        await asyncio.wait([telling])


@asynccontextmanager
async def visitor(runtime: Runtime, app: Any) -> AsyncIterator[Shopper]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop", follow_redirects=True) as client:
        yield Shopper(client, runtime)


def in_the_shop(test: Callable[[Shopper], Awaitable[None]]) -> Callable[[], None]:
    """A test that goes shopping."""

    @functools.wraps(test)
    async def body() -> None:
        async with shopping() as shopper:
            await test(shopper)

    del body.__wrapped__  # type: ignore[attr-defined]  # else pytest looks for the fixture `shopper`
    return asynchronous(body)

"""The same pages over the HTTP contract: they find, sell and refuse as ever, and nothing breaks when nobody answers."""

import asyncio
import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import pytest
from starlette.routing import Mount
from web_support import AT, PRODUCTS, WHO, Shopper

from contract_fake import FakeShop, Front
from headwater.clock import ManualClock
from headwater.testing.running import asynchronous
from headwater_shop.contract import PREFIX, Item
from headwater_shop.domain.cart import AddItem
from headwater_shop.web import OnContract, contract_ui
from headwater_shop.web.backend import NoAnswer
from headwater_shop.web.contract_client import ContractClient
from headwater_shop.web.kept_carts import KeptCarts

ITEMS = [
    Item(code, name, category, Decimal(price), on_hand, sold)
    for sold, (code, name, category, price, on_hand) in enumerate(PRODUCTS)
]


class Hurrying(ManualClock):
    """Whoever sleeps moves it on."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


@dataclass
class Visitor(Shopper):
    """Somebody at a shop of which its contract is all that is known."""

    fake: FakeShop

    async def status(self, order_id: str) -> str:
        found = re.search('data-status="(.*?)"', await self.get(f"/orders/{order_id}"))
        assert found
        return found[1]

    async def checkout(self, status: int, **who: str) -> str:
        answer = await self.client.post("/checkout", data={"token": await self.token(), **WHO, **who})
        assert answer.status_code == status, answer.text
        return answer.text


@asynccontextmanager
async def visiting(
    title: str = "traditional", others: Mapping[str, str] | None = None, *, later: bool = False
) -> AsyncIterator[Visitor]:
    fake = FakeShop(title, ITEMS, later=later)
    async with asking(fake) as client:
        app = Front(fake).app(Mount("/", contract_ui(OnContract(client), title, others or {})))
        async with browsing(app) as browser:
            yield Visitor(browser, None, fake)  # type: ignore[arg-type]


@asynccontextmanager
async def asking(fake: FakeShop) -> AsyncIterator[ContractClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Front(fake).app()), base_url="http://shop") as client:
        yield ContractClient(client)


@asynccontextmanager
async def browsing(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop", follow_redirects=True) as client:
        yield client


def at_the_shop(test: Callable[[Visitor], Awaitable[None]]) -> Callable[[], None]:
    """A test that goes shopping where orders are seen to at once."""

    @functools.wraps(test)
    async def body() -> None:
        async with visiting() as visitor:
            await test(visitor)

    del body.__wrapped__  # type: ignore[attr-defined]  # else pytest looks for a fixture
    return asynchronous(body)


@at_the_shop
async def test_the_shelves_are_those_of_the_contract(shopper: Visitor) -> None:
    home = await shopper.get("/")
    assert home.index("Hanging Heart_shaped Light") < home.index("Red Spotty Mug")
    assert "Sold out" in await shopper.get("/search?q=teapot")
    found = await shopper.get("/search?q=mugs&sort=price")
    assert found.index("Blue Mug") < found.index("Red Spotty Mug")
    assert "We looked on every shelf" in await shopper.get("/search?q=zeppelin")
    assert "Only 5 left" in await shopper.get("/products/mug2")
    assert "TEAPOT" in await shopper.get("/products/pot%2F1")
    assert (await shopper.client.get("/pictures/pot/1.svg")).status_code == 200
    for address in ("/products/none", "/pictures/none.svg", "/orders/none", "/customers/none"):
        await shopper.get(address, 404)


@at_the_shop
async def test_a_purchase_from_cart_to_dispatch(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug1", 2)
    await shopper.put_into_cart("heart", 3)
    assert "£8.45" in await shopper.get("/cart")
    order_id = await shopper.order()
    page = await shopper.get(f"/orders/{order_id}")
    assert 'data-status="dispatched"' in page
    for shown in ("£8.45", "7 Mill Lane", "Ireland"):
        assert shown in page
    assert "event by event" not in page
    assert order_id in await shopper.get("/orders")
    assert "Your cart is empty" in await shopper.get("/cart")
    assert shopper.fake.stock["mug1"].on_hand == 18
    await shopper.put_into_cart("mug1")
    assert "Ada Brook" in await shopper.get("/checkout")  # told before


@at_the_shop
async def test_a_declined_card_can_be_followed_by_another(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug1")
    order_id = await shopper.order(card="kingfisher")
    page = await shopper.get(f"/orders/{order_id}")
    assert "Your card was declined" in page
    assert "there is not enough money on this card" in page
    await shopper.post(f"/orders/{order_id}", 422, do="retry", card="none")
    assert "declined" in await shopper.post(f"/orders/{order_id}", do="retry", card="mayfly")
    await shopper.post(f"/orders/{order_id}", do="retry", card="heron")
    assert await shopper.status(order_id) == "dispatched"
    assert "no failed payment" in await shopper.post(f"/orders/{order_id}", 422, do="retry", card="heron")
    assert "order is paid" in await shopper.post(f"/orders/{order_id}", 422, do="cancel")


@at_the_shop
async def test_an_order_can_be_cancelled_by_its_customer_alone(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug1")
    order_id = await shopper.order(card="mayfly")
    async with browsing(shopper.client._transport.app) as client:  # type: ignore[attr-defined]
        stranger = Visitor(client, shopper.runtime, shopper.fake)
        assert "Mill Lane" not in await stranger.get(f"/orders/{order_id}")
        await stranger.post(f"/orders/{order_id}", 403, do="cancel")
    assert "As you wished" in await shopper.post(f"/orders/{order_id}", do="cancel")
    assert shopper.fake.stock["mug1"].available == 20


@at_the_shop
async def test_what_a_rule_refuses_is_said_in_the_cart_and_nothing_is_lost(shopper: Visitor) -> None:
    assert "sold out" in await shopper.post("/cart/items", 422, stock_code="pot/1", quantity="1")
    await shopper.put_into_cart("mug2", 5)
    await shopper.put_into_cart("mug1")
    shopper.fake.count("mug2", 1)
    page = await shopper.post("/checkout", **WHO)  # noticed before anybody is asked
    assert "Only 1 left" in page
    await shopper.post("/cart/lines", stock_code="mug2", do="set", quantity="1")
    shopper.fake.reprice("mug1", Decimal("3.50"))
    assert "The price is now £3.50" in await shopper.get("/cart")
    assert "£4.75" in await shopper.post("/cart/lines", stock_code="mug1", do="price", quantity="1")
    assert await shopper.status(await shopper.order()) == "dispatched"


@at_the_shop
async def test_a_refusal_of_the_shop_itself_keeps_the_cart(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug2", 2)
    place = shopper.fake.place

    def others_are_faster(*arguments: Any) -> None:
        shopper.fake.count("mug2", 1)
        place(*arguments)

    shopper.fake.place = others_are_faster  # type: ignore[method-assign]
    page = await shopper.checkout(422)
    assert "Only 1 of mug2 are left." in page
    assert "Blue Mug" in await shopper.get("/cart")
    await shopper.post("/cart/lines", stock_code="mug2", do="set", quantity="1")
    assert await shopper.status(await shopper.order()) == "dispatched"


@at_the_shop
async def test_pages_say_so_kindly_while_nobody_answers(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug1")
    form = {"token": await shopper.token(), **WHO}
    shopper.fake.down = True
    for address in ("/", "/search", "/products/mug1", "/cart", "/checkout", "/orders", "/orders/h-1"):
        page = await shopper.get(address, 503)
        assert "One moment, please" in page, address
        assert "Headwater" in page
    answer = await shopper.client.post("/checkout", data=form)
    assert answer.status_code == 503
    shopper.fake.down = False
    assert "Red Spotty Mug" in await shopper.get("/cart")
    assert await shopper.status(await shopper.order()) == "dispatched"


@at_the_shop
async def test_a_checkout_whose_answer_is_lost_counts_once(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug1")
    shopper.fake.losing = 1
    assert "It will count once" in await shopper.checkout(503)
    page = await shopper.get("/orders")  # where the page sends them to look
    assert page.count('class="order"') == 1
    assert "Your cart is empty" in await shopper.get("/cart")
    assert len(shopper.fake.orders) == 1


@at_the_shop
async def test_a_cart_that_was_ordered_before_this_process_began_is_not_ordered_again(shopper: Visitor) -> None:
    await shopper.put_into_cart("mug1")
    before = shopper.client.cookies["shopper-traditional"]
    await shopper.order()
    async with asking(shopper.fake) as client, browsing(contract_ui(OnContract(client), "traditional", {})) as later:
        later.cookies.set("shopper-traditional", before)
        anew = Visitor(later, shopper.runtime, shopper.fake)
        await anew.put_into_cart("mug2")
        assert await anew.status(await anew.order()) == "dispatched"
    assert len(shopper.fake.orders) == 2


@asynchronous
async def test_an_order_that_is_seen_to_later_is_followed_live() -> None:
    clock = Hurrying()
    async with visiting("event_driven", later=True) as shopper:
        await shopper.put_into_cart("mug1")
        order_id = await shopper.order()
        assert await shopper.status(order_id) == "payment_due"  # one look was the redirect's
        async with asking(shopper.fake) as client:
            backend = OnContract(client, clock)
            async with aclosing(backend.changes(order_id)) as changes:
                seen = [order.status async for order in changes if order]
        assert seen == ["paid", "dispatched"]


@asynchronous
async def test_who_watches_hears_nothing_wrong_while_nobody_answers() -> None:
    fake, clock = FakeShop("soa", ITEMS), Hurrying()
    fake.down = True
    async with asking(fake) as client, aclosing(OnContract(client, clock).changes("h-1")) as changes:
        clock.advance(20)
        assert await anext(changes) is None


@asynchronous
async def test_only_the_event_driven_shop_looks_behind_the_counter() -> None:
    async with visiting("soa") as shopper:
        home = await shopper.get("/")
        for address in ("/report", "/trending", "/trending/live", "/orders/h-1/story"):
            assert f'href="{address}"' not in home
        for address in ("/report", "/trending", "/trending/live"):
            assert "headwater shop --architecture event_driven" in await shopper.get(address, 404)
    async with visiting("soa", {"event_driven/gated": "http://127.0.0.1:9/"}) as shopper:
        assert 'href="http://127.0.0.1:9/"' in await shopper.get("/report", 404)


@asynchronous
async def test_the_switch_tells_who_answers_and_where_the_others_are() -> None:
    others = {"event_driven": "http://127.0.0.1:1", "soa": "http://127.0.0.1:2/"}
    async with visiting("point_to_point/hardened", others) as shopper:
        page = await shopper.get("/search?q=mug&sort=price")
        assert 'data-testid="built-as">point to point, hardened<' in page
        assert 'href="http://127.0.0.1:2/search?q=mug&sort=price"' in page
        assert "headwater shop --architecture traditional" in page
        assert "headwater shop --architecture soa" not in page
        assert 'href="http://127.0.0.1:1/"' in await shopper.get("/cart")
        assert list(shopper.client.cookies) == ["shopper-point_to_point-hardened"]


@pytest.mark.parametrize(
    ("answer", "changed"),
    [(httpx.Response(502), False), (httpx.Response(200, text="<html>"), False), (httpx.ConnectError("no"), True)],
)
def test_no_sensible_answer_is_no_answer(answer: httpx.Response | Exception, changed: bool) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    @asynchronous
    async def asked() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://shop") as client:
            shop = ContractClient(client)
            with pytest.raises(NoAnswer, match=PREFIX) as caught:
                await (shop.do("PUT", {}, "orders", "h-1") if changed else shop.get(Item, "products", "mug1"))
            assert caught.value.changed is changed

    asked()


@asynchronous
async def test_an_answer_that_takes_too_long_is_none() -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with httpx.AsyncClient(transport=httpx.MockTransport(handle), base_url="http://shop") as client:
        with pytest.raises(NoAnswer, match="too long"):
            await ContractClient(client, looking=0.01).get(Item, "products", "mug1")


def test_the_carts_that_are_kept_are_not_too_many() -> None:
    carts = KeptCarts(2)
    for cart_id in ("a", "b"):
        carts.execute(AddItem(cart_id, "mug1", "Mug", Decimal(1), 1, AT))
    assert carts.get("a")
    carts.execute(AddItem("c", "mug1", "Mug", Decimal(1), 1, AT))
    assert carts.get("b") is None
    assert carts.get("a")

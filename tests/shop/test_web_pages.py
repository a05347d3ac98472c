"""The pages without a browser: what they find, what they refuse, and that nothing happens twice."""

import asyncio
from decimal import Decimal

import httpx
import pytest
from web_support import AT, WHO, Shopper, in_the_shop, visitor

from headwater_shop.domain.product import CountStock, RepriceProduct
from headwater_shop.event_driven.views import cart_view, order_summary
from headwater_shop.web import shelf
from headwater_shop.web.session import order_number


@in_the_shop
async def test_search_finds_words_in_any_order_and_number(shopper: Shopper) -> None:
    async def found(words: str) -> list[str]:
        return [each.stock_code for each in (await shelf.search(shopper.runtime, words=words, sort="name")).items]

    assert await found("mugs") == ["mug2", "mug1"]
    assert await found("mug spotty") == ["mug1"]
    assert await found("HEART") == ["heart"]
    assert await found("mug lantern") == []
    assert await found("") == ["mug2", "heart", "mug1", "pot/1"]


@in_the_shop
async def test_search_takes_every_sign_as_it_is(shopper: Shopper) -> None:
    cases = {"100%": 1, "%": 1, "_": 1, "heart_": 1, "mug_": 0, "\\": 0, "'": 0, "<of>": 1}
    for words, expected in cases.items():
        assert (await shelf.search(shopper.runtime, words=words)).total == expected, words


@in_the_shop
async def test_what_names_say_is_text_and_never_markup(shopper: Shopper) -> None:
    page = (await shopper.client.get("/search?q=teapot<script>")).text
    assert "teapot&lt;script&gt;" in page
    assert "TEAPOT &lt;of&gt; 100% TIN" in (await shopper.client.get("/products/pot%2F1")).text
    picture = await shopper.client.get("/pictures/pot/1.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")


@in_the_shop
async def test_addresses_with_nonsense_show_something_sensible(shopper: Shopper) -> None:
    long = "w%20" * 900
    for query in ("page=-5", "page=99999999", "page=x&sort=y&category=z", f"q={long}"):
        address = f"/search?{query}"
        assert "Headwater" in await shopper.get(address)


@in_the_shop
async def test_an_order_is_paid_and_dispatched_and_is_in_the_report(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1", 2)
    await shopper.put_into_cart("heart", 3)
    order_id = await shopper.order()
    assert await shopper.status(order_id) == "dispatched"
    page = await shopper.get(f"/orders/{order_id}")
    assert "£8.45" in page
    assert "7 Mill Lane" in page
    assert "Ireland" in page
    assert order_id in await shopper.get("/orders")
    assert "£8.45" in await shopper.get("/report")
    assert "payment.received" in await shopper.get(f"/orders/{order_id}/story")
    assert "Your cart is empty" in await shopper.get("/cart")


@in_the_shop
async def test_strangers_see_where_an_order_stands_but_not_whose_it_is(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1")
    order_id = await shopper.order(card="mayfly")
    assert await shopper.status(order_id) == "payment_failed"
    async with visitor(shopper.runtime, shopper.client._transport.app) as stranger:  # type: ignore[attr-defined]
        for page in (f"/orders/{order_id}", f"/orders/{order_id}/story"):
            text = await stranger.get(page)
            assert "Mill Lane" not in text
            assert "Ada Brook" not in text
        assert order_id not in await stranger.get("/orders")
        await stranger.post(f"/orders/{order_id}", 403, do="cancel")
    assert await shopper.status(order_id) == "payment_failed"


@in_the_shop
async def test_a_declined_card_can_be_followed_by_another(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1")
    order_id = await shopper.order(card="kingfisher")
    assert await shopper.status(order_id) == "payment_failed"
    assert "there is not enough money on this card" in await shopper.get(f"/orders/{order_id}")
    await shopper.post(f"/orders/{order_id}", 422, do="retry", card="none")
    await shopper.post(f"/orders/{order_id}", do="retry", card="kingfisher")
    assert await shopper.status(order_id) == "payment_failed"
    await shopper.post(f"/orders/{order_id}", do="retry", card="heron")
    assert await shopper.status(order_id) == "dispatched"
    assert "no failed payment" in await shopper.post(f"/orders/{order_id}", 422, do="retry", card="heron")
    assert "order is paid" in await shopper.post(f"/orders/{order_id}", 422, do="cancel")


@in_the_shop
async def test_an_order_sent_twice_at_once_is_one_order(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1")
    form = {"token": await shopper.token(), **WHO}
    answers = await asyncio.gather(*(shopper.client.post("/checkout", data=form) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    await shopper.runtime.idle()
    assert await shopper.runtime.count(order_summary) == 1


@in_the_shop
async def test_a_lost_answer_to_a_checkout_leaves_a_fresh_cart(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1")
    before = shopper.client.cookies["shopper"]
    order_id = await shopper.order()
    await shopper.runtime.idle()
    shopper.client.cookies.clear()
    shopper.client.cookies.set("shopper", before)
    assert "Your cart is empty" in await shopper.get("/cart")
    assert order_id in await shopper.get("/orders")


@in_the_shop
async def test_the_cart_takes_what_there_is(shopper: Shopper) -> None:
    add = "/cart/items"
    assert "from 1 up" in await shopper.post(add, 422, stock_code="mug1", quantity="0")
    assert "from 1 up" in await shopper.post(add, 422, stock_code="mug1", quantity="many")
    assert "sold out" in await shopper.post(add, 422, stock_code="pot/1", quantity="1")
    await shopper.put_into_cart("mug2", 3)
    assert "only 5" in await shopper.post(add, 422, stock_code="mug2", quantity="3")
    await shopper.post(add, 404, stock_code="none", quantity="1")
    page = await shopper.post("/cart/lines", stock_code="mug2", do="set", quantity="9")
    assert "Only 5 left" in page
    assert 'href="/checkout"' not in page
    await shopper.post("/cart/lines", stock_code="mug2", do="set", quantity="5")
    assert 'href="/checkout"' in await shopper.get("/cart")
    assert "too many" not in await shopper.post("/cart/lines", stock_code="mug2", do="remove")
    assert "Your cart is empty" in await shopper.get("/checkout")


@in_the_shop
async def test_a_new_price_is_shown_before_it_is_paid(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1", 2)
    done = await shopper.runtime.execute(RepriceProduct("mug1", Decimal("3.50"), AT))
    shopper.client.cookies.set("seen", str(done.position))
    form = {"token": await shopper.token(), **WHO}
    page = (await shopper.client.post("/checkout", data=form)).text
    assert "The price is now £3.50" in page
    assert "£7.00" in await shopper.post("/cart/lines", stock_code="mug1", do="price", quantity="2")
    assert await shopper.status(await shopper.order()) == "dispatched"


@in_the_shop
async def test_shelves_that_empty_between_cart_and_order_cancel_it(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug2", 5)
    await shopper.runtime.execute(CountStock("mug2", 1, AT))
    # The page may not know yet; the stock-keeper does.
    page = (await shopper.client.post("/checkout", data={"token": await shopper.token(), **WHO})).text
    assert "Only 1 left" in page or "data-status" in page


@in_the_shop
async def test_forms_of_other_sites_are_refused(shopper: Shopper) -> None:
    fields = {"stock_code": "mug1", "quantity": "1"}
    for token in ({}, {"token": ""}, {"token": "0" * 32}, {"token": "é"}):
        assert (await shopper.client.post("/cart/items", data={**fields, **token})).status_code == 403
    assert (await shopper.client.post("/cart/items", json=fields)).status_code == 415
    assert (await shopper.client.post("/cart/items", data={"x": "y" * 40_000})).status_code == 413
    many = {f"x{number}": "" for number in range(200)}
    assert (await shopper.client.post("/cart/items", data=many)).status_code == 400


@in_the_shop
async def test_the_cookie_is_opaque_and_appears_nowhere_else(shopper: Shopper) -> None:
    answer = await shopper.client.get("/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    await shopper.put_into_cart("mug1")
    order_id = await shopper.order()
    await shopper.runtime.idle()
    token = shopper.client.cookies["shopper"].partition(".")[0]
    events = (await shopper.runtime.store.read(limit=1000)).events
    assert not [event for event in events if token.encode() in event.data or token in event.stream]
    assert token not in await shopper.get(f"/orders/{order_id}")
    assert token not in await shopper.get(f"/orders/{order_id}/story")


@in_the_shop
async def test_a_forged_cookie_is_a_new_shopper(shopper: Shopper) -> None:
    for value in ("x", "a.b", f"{'a' * 32}.99999999", "../" * 20):
        answer = await shopper.client.get("/cart", headers={"cookie": f"shopper={value}; seen=99999999999"})
        assert answer.status_code == 200
        assert "set-cookie" in answer.headers


@in_the_shop
async def test_pages_may_load_nothing_from_elsewhere(shopper: Shopper) -> None:
    answer = await shopper.client.get("/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text.replace("http://www.w3.org/", "")
    assert "https://" not in answer.text
    style = (await shopper.client.get("/static/shop.css")).text
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize(("method", "address", "status"), [("PUT", "/cart", 405), ("GET", "/nowhere", 404)])
def test_errors_are_pages_too(method: str, address: str, status: int) -> None:
    @in_the_shop
    async def asked(shopper: Shopper) -> None:
        answer: httpx.Response = await shopper.client.request(method, address)
        assert answer.status_code == status
        assert "To the front page" in answer.text

    asked()


@in_the_shop
async def test_the_order_is_known_before_it_is_placed(shopper: Shopper) -> None:
    await shopper.put_into_cart("mug1")
    cart = await shopper.runtime.find(cart_view)
    order_id = await shopper.order()
    assert order_id == order_number(cart[0].cart_id)
    page = await shopper.get(f"/orders/{order_id}")
    assert "Red Spotty Mug" in page
    assert "7 Mill Lane" in page

"""One contract, whichever way the shop is built: the same tests at each front door."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from running_shop import ITEMS, PRICE, Shop, running_shop, until, wanted

from headwater_shop.architecture import BANK, Architecture
from headwater_shop.architectures import ARCHITECTURES
from headwater_shop.domain.order import CUSTOMERS_WISH

MUG, JAR = ("mug", 1, "2.50"), ("jar", 2, "10.05")


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda each: each.title)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Each of the seven, one after the other."""
    architecture: Architecture = request.param
    with running_shop(architecture, tmp_path_factory.mktemp(architecture.title.replace("/", "-"))) as running:
        yield running


def test_health_and_pages(shop: Shop) -> None:
    assert shop.get("health") == {"architecture": shop.architecture.name}
    page = shop.client.get(f"{shop.launch.front}/search?q=mug", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "Blue mug" in page.text


def test_products(shop: Shop) -> None:
    jar = {
        "stock_code": "jar",
        "name": ITEMS[1].name,
        "category": "Jars",
        "price": "10.05",
        "available": 500,
        "sold": 0,
    }
    assert shop.get("products/jar") == jar
    assert shop.get("products/a%2Fb")["name"] == "Slashed tile"
    assert shop.get("products?words=red%20jars") == {"items": [jar], "total": 1, "page": 1}
    assert [each["stock_code"] for each in shop.get("products?words=100%25")["items"]] == ["jar"]
    assert shop.get("products?words=none")["total"] == 0
    assert [each["stock_code"] for each in shop.get("products?category=Mugs")["items"]] == ["mug"]
    assert shop.get("products?sort=price-down")["items"][0]["stock_code"] == "jar"
    assert [each["name"] for each in shop.get("products?sort=name")["items"]] == sorted(each.name for each in ITEMS)
    categories = shop.get("categories")
    assert [each["category"] for each in categories] == ["Clocks", "Jars", "Lamps", "Mugs", "Other"]
    assert categories[1] == {"category": "Jars", "items": 1, "stock_code": "jar"}


def test_customers(shop: Shop) -> None:
    bea = {"name": "Bea", "email": "bea@b.c", "address": {"city": "Hull"}}
    for name in ("Bea", "Bea B."):
        assert shop.ask("PUT", "customers/bea", {**bea, "name": name}).json()["name"] == name
    until(lambda: seen(shop.ask("GET", "customers/bea")).get("name") == "Bea B.", "Bea B.")
    assert shop.get("customers/bea")["address"]["city"] == "Hull"
    assert refusal(shop.ask("PUT", "customers/bea", {**bea, "email": "b"})) == (409, "email_malformed")
    assert shop.get("customers/bea/orders") == []


def test_an_order_is_sold_once_however_often_it_is_asked_for(shop: Shop) -> None:
    first = shop.put("o-well", MUG, JAR)
    assert shop.outcome("o-well", first) == "dispatched"
    again = shop.put("o-well", ("mug", 7, "2.50"))
    assert again.status_code == 201
    found = shop.get("orders/o-well")
    assert [line["quantity"] for line in found["lines"]] == [1, 2]
    assert Decimal(found["total"]) == Decimal("22.60")
    assert found["placed_at"] <= found["paid_at"] <= found["dispatched_at"]
    assert shop.charged("o-well") == [("o-well-1", Decimal("22.60"))]
    until(lambda: shop.get("products/jar")["sold"] == 2, "two jars are sold")
    shop.available("jar", 498)
    until(lambda: [each["order_id"] for each in shop.get("customers/ada/orders")] == ["o-well"], "Ada's order")


def test_declined_and_paid_with_another_card(shop: Shop) -> None:
    assert shop.outcome("o-poor", shop.put("o-poor", MUG, card="mayfly")) == "payment_failed"
    assert shop.get("orders/o-poor")["reason"] == "this card has expired"
    assert not shop.charged("o-poor")
    poor = shop.ask("POST", "orders/o-poor/pay", {"card": "kingfisher"})
    assert poor.status_code in (202, 402)
    until(lambda: "money" in shop.get("orders/o-poor")["reason"], "declined once more")
    paid = shop.ask("POST", "orders/o-poor/pay", {"card": "heron"})
    assert paid.status_code in (201, 202), paid.text
    assert until(lambda: shop.get("orders/o-poor")["status"] == "dispatched", "it is paid")
    assert shop.charged("o-poor") == [("o-poor-3", PRICE)]


def test_declined_and_cancelled(shop: Shop) -> None:
    assert shop.outcome("o-left", shop.put("o-left", ("few", 2, "2.50"), card="mayfly")) == "payment_failed"
    shop.available("few", 0)
    cancelled = shop.ask("POST", "orders/o-left/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    shop.available("few", 2)
    until(lambda: shop.get("orders/o-left")["reason"] == CUSTOMERS_WISH, "the reason")
    assert refusal(shop.ask("POST", "orders/o-left/pay", {"card": "heron"})) == (409, "no_failed_payment")
    assert not shop.charged("o-left")


def test_what_cannot_be_had_is_refused_whole(shop: Shop) -> None:
    before = shop.get("products/mug")["available"]
    refused = {"o-many": ("jar", 501, "10.05"), "o-old": ("jar", 1, "9.99"), "o-none": ("nothing", 1, "1.00")}
    answers = {id: shop.put(id, MUG, line) for id, line in refused.items()}
    assert {id: shop.outcome(id, answer) for id, answer in answers.items()} == dict.fromkeys(refused, "refused")
    codes = [answer.json()["code"] for answer in answers.values() if answer.status_code == 409]
    assert codes in ([], ["out_of_stock", "price_changed", "not_listed"])
    shop.available("mug", before)
    assert not any(shop.charged(id) for id in refused)


def test_what_makes_no_sense(shop: Shop) -> None:
    for path in ("products/none", "customers/none", "orders/o-nowhere"):
        assert refusal(shop.ask("GET", path)) == (404, "not_found")
    assert refusal(shop.ask("POST", "orders/o-nowhere/cancel")) == (404, "not_placed")
    assert refusal(shop.ask("POST", "orders/o-nowhere/pay", {"card": "heron"})) == (404, "not_placed")
    assert refusal(shop.put("o-empty")) == (409, "order_empty")
    assert refusal(shop.put("Capital", MUG)) == (409, "order_id_malformed")
    assert refusal(shop.put("o-twice", MUG, MUG)) == (409, "line_repeated")
    assert refusal(shop.put("o-gold", MUG, card="gold"))[0] == 400
    assert refusal(shop.ask("PUT", "orders/o-x", {"customer_id": 7}))[0] == 400
    assert refusal(shop.ask("GET", "products?page=x"))[0] == 400
    assert refusal(shop.ask("GET", "products?sort=x"))[0] == 400
    assert shop.ask("GET", "orders/o-empty").status_code == 404


def test_the_last_pieces_are_sold_once(shop: Shop) -> None:
    ids = [f"o-last-{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as crowd:
        answers = dict(zip(ids, crowd.map(lambda id: shop.put(id, ("last", 1, "2.50")), ids), strict=True))
    ends = Counter(shop.outcome(id, answer) for id, answer in answers.items())
    assert ends == {"dispatched": 3, "refused": 5}
    shop.available("last", 0)
    assert sum(amount for id in ids for _, amount in shop.charged(id)) == 3 * PRICE


def test_the_bank_is_down_and_comes_back(shop: Shop) -> None:
    shop.bank(down=True)
    try:
        answer = shop.put("o-down", MUG)
    finally:
        shop.bank()
    assert answer.status_code in (202, 502, 503, 504), answer.text
    assert shop.outcome("o-down", shop.put("o-down", MUG)) == "dispatched"
    assert shop.charged("o-down") == [("o-down-1", PRICE)]


def test_whoever_sees_to_orders_crashes_in_between(shop: Shop) -> None:
    """While the bank takes the money. Only the naive is none the wiser afterwards, and keeps what it took."""
    shop.bank(delay=1.0)
    checkout, before = shop.architecture.checkout, shop.get("products/mug")["available"]
    with ThreadPoolExecutor(1) as shopper:
        answer = shopper.submit(shop.client.put, f"{shop.launch.front}/api/shop/orders/o-crash", json=wanted(MUG))
        until(lambda: shop.client.get(f"{shop.launch.url(BANK)}/busy").json()["inside"], "the bank is asked")
        shop.launch.kill(checkout)
        until(lambda: shop.charged("o-crash"), "the bank took it all the same")
        shop.start(checkout)
        assert answer.exception() or answer.result().status_code in (202, 502)
    shop.bank()
    if shop.naive:
        assert shop.ask("GET", "orders/o-crash").status_code == 404
    else:
        assert shop.ends("o-crash") == "dispatched"
    assert shop.charged("o-crash") == [("o-crash-1", PRICE)]
    shop.available("mug", before - 1)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status, and the code of problem details."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json().get("code", "")


def seen(answer: httpx.Response) -> Any:
    """What is there; nothing where it is not yet."""
    return answer.json() if answer.status_code == 200 else {}

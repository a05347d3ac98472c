"""The event-driven shop as five processes, through its contract."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from event_shop import PRICE, EventShop, event_shop, eventually

from headwater.app import open_stores
from headwater.delivery.port import Letters
from headwater.testing.nats import NatsServer
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous
from headwater_shop.contract import PREFIX
from headwater_shop.event_driven.gate import ask, refusal
from headwater_shop.event_driven.services import NAMES, services

ENDS = ("dispatched", "cancelled")
KILLED = ("ui", "orders", "products", "payments", "views")


def test_the_services_are_those_that_can_be_run() -> None:
    assert tuple(each.name for each in services()) == NAMES


@asynchronous(seconds=240)
async def test_the_contract(tmp_path: Path) -> None:
    async with event_shop(tmp_path, mugs=5) as shop:
        assert await shop.get("health") == {"architecture": "event_driven"}
        await eventually(lambda: has(shop, "products", "total", 2), 20, lambda: "the views are not there")
        await shelves(shop)
        await customers(shop)
        await orders_that_end_well_and_others(shop)
        await refusals(shop)
        codes = shop.end()
    assert set(codes.values()) == {0}, codes


async def has(shop: EventShop, path: str, name: str, value: object) -> bool:
    answer = await shop.client.get(f"{shop.url}{PREFIX}/{path}")
    return answer.status_code == 200 and bool(answer.json()[name] == value)


async def shelves(shop: EventShop) -> None:
    mug = {"stock_code": "mug", "name": "Blue mug", "category": "Mugs", "price": "2.50", "available": 5, "sold": 0}
    assert await shop.get("products/mug") == mug
    assert await shop.get("products?words=mugs") == {"items": [mug], "total": 1, "page": 1}
    assert [each["category"] for each in await shop.get("categories")] == ["Hats", "Mugs"]


async def customers(shop: EventShop) -> None:
    url, ada = f"{shop.url}{PREFIX}/customers/ada", {"name": "Ada", "email": "ada@a.b", "address": {"city": "York"}}
    for name in ("Ada", "Ada L."):
        assert (await shop.client.put(url, json={**ada, "name": name})).json()["name"] == name
    await eventually(lambda: has(shop, "customers/ada", "name", "Ada L."), 10, lambda: "no Ada")
    assert (await shop.get("customers/ada"))["address"]["city"] == "York"


async def orders_that_end_well_and_others(shop: EventShop) -> None:
    placed = await shop.put("o-well")
    assert placed.status_code == 202
    assert placed.json().items() >= {"status": "placed", "total": str(PRICE), "customer_id": "ada"}.items()
    await shop.put("o-much", quantity=6)
    await shop.put("o-poor", card="mayfly")
    await shop.until(["o-well"], ["dispatched"])
    assert (await shop.put("o-well", quantity=3)).json()["lines"][0]["quantity"] == 1  # asked again: as it stands
    await shop.until(["o-much"], ["cancelled"])
    assert "only" in (await shop.get("orders/o-much"))["reason"]
    await shop.until(["o-poor"], ["payment_failed"])
    assert (await shop.get("orders/o-poor"))["reason"] == "this card has expired"
    paid = await shop.client.post(f"{shop.url}{PREFIX}/orders/o-poor/pay", json={"card": "heron"})
    assert (paid.status_code, paid.json()["status"]) == (202, "payment_due")
    await shop.until(["o-poor"], ["dispatched"])
    await shop.put("o-left", card="mayfly")
    await shop.until(["o-left"], ["payment_failed"])
    cancelled = await shop.client.post(f"{shop.url}{PREFIX}/orders/o-left/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    await eventually(lambda: has(shop, "products/mug", "available", 3), 10, lambda: "its mug is not back")
    assert shop.bank.taken.keys() == {"o-well-1", "o-poor-2"}
    assert {each["order_id"] for each in await shop.get("customers/ada/orders")} == {
        "o-well",
        "o-much",
        "o-poor",
        "o-left",
    }


async def refusals(shop: EventShop) -> None:
    async def refused(method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = await shop.client.request(method, f"{shop.url}{PREFIX}/{path}", json=body)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json().get("code", "")

    for path in ("products/none", "customers/none", "orders/o-none"):
        assert await refused("GET", path) == (404, "not_found")
    assert await refused("POST", "orders/o-none/cancel") == (404, "not_placed")
    assert await refused("POST", "orders/o-well/cancel") == (409, "already_paid")
    assert await refused("POST", "orders/o-well/pay", {"card": "heron"}) == (409, "no_failed_payment")
    assert await refused("PUT", "orders/o-x", {"customer_id": 7}) == (400, "")
    assert await refused("GET", "products?page=x") == (400, "")
    empty = {"customer_id": "ada", "customer_name": "Ada", "address": {}, "lines": []}
    assert await refused("PUT", "orders/o-x", empty) == (409, "order_empty")
    assert await refused("PUT", "orders/o-x", {**empty, "card": "gold"}) == (400, "")


@asynchronous(seconds=240)
async def test_processes_that_are_killed_lose_and_double_nothing(tmp_path: Path) -> None:
    """Any of the five, at random, while orders come in, the bank is down for a while, and a shopper asks again."""
    rng = random.Random(6)
    async with event_shop(tmp_path) as shop:
        accepted = list[str]()

        async def order(number: int) -> None:
            more = {"card": "mayfly"} if number % 9 == 0 else {}
            while True:
                try:
                    answer = await shop.put(f"o-{number}", code=rng.choice(["mug", "hat"]), **more)
                except Exception:  # the front is away: nobody knows; asked again it counts once
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code in (201, 202):
                    accepted.append(f"o-{number}")
                    return
                assert answer.status_code == 503, answer.text

        async def load() -> None:
            for number in range(120):
                await order(number)
                await asyncio.sleep(0.05)

        loading = asyncio.create_task(load())
        for name in rng.sample(KILLED * 2, 8):
            shop.bank.down = name == "products"
            shop.kill(name)
            await shop.start(name)
        shop.bank.down = False
        await loading
        found = await shop.until(accepted, [*ENDS, "payment_failed"], 60)
    expected = {order_id: "payment_failed" if int(order_id[2:]) % 9 == 0 else "dispatched" for order_id in accepted}
    assert found == expected
    assert set(shop.bank.taken) == {f"{order_id}-1" for order_id, how in found.items() if how == "dispatched"}
    assert await counted(shop) == {
        "order.placed": 120,
        "order.paid": 106,
        "order.dispatched": 106,
        "payment.received": 106,
    }


@asynchronous(seconds=240)
async def elsewhere(folder: Path, postgres: str, nats: str) -> None:
    async with event_shop(folder, store=postgres, broker=nats, cards=str(folder / "cards.db")) as shop:
        await shop.put("o-1")
        await shop.put("o-2", card="mayfly")
        await shop.until(["o-1"], ["dispatched"])
        await shop.until(["o-2"], ["payment_failed"])
        shop.kill("orders")
        await shop.put("o-3")
        await shop.start("orders")
        await shop.until(["o-3"], ["dispatched"])
        assert shop.bank.taken.keys() == {"o-1-1", "o-3-1"}


def test_on_postgresql_and_nats(
    postgres: PostgresServer, nats: NatsServer, new_schema: Callable[[PostgresServer], str], tmp_path: Path
) -> None:
    elsewhere(tmp_path, new_schema(postgres), nats.url())


async def counted(shop: EventShop) -> Counter[str]:
    """How often what may happen to an order once has happened."""
    stores, found, position = await open_stores(shop.options.store), Counter[str](), 0
    once = ("order.placed", "order.paid", "order.dispatched", "payment.received")
    async with stores.events:
        while (page := await stores.events.read(after=position)).events:
            found.update(event.type for event in page.events if event.type in once)
            position = page.position
    return found


# -- an interface that changes


@asynchronous(seconds=240)
async def test_naive_what_the_old_consumer_cannot_read_rests_until_it_is_deployed(tmp_path: Path) -> None:
    async with event_shop(tmp_path) as shop:
        await shop.put("o-before")
        await shop.until(["o-before"], ["dispatched"])
        await deploy(shop, "orders", interface="renamed")
        await shop.put("o-between")
        await eventually(lambda: rests(shop, 1), 30, lambda: "nothing rests")
        assert await shop.status("o-between") == "payment_due"
        await deploy(shop, "payments", interface="renamed")  # which tries again what rests
        await shop.put("o-after")
        await shop.until(["o-between", "o-after"], ["dispatched"])
        assert await rests(shop, 0)
        assert len(shop.bank.taken) == 3


@asynchronous(seconds=240)
async def test_naive_what_the_new_consumer_cannot_read_is_cancelled_when_the_time_to_pay_is_over(
    tmp_path: Path,
) -> None:
    async with event_shop(tmp_path, payment_deadline=3.0) as shop:
        await deploy(shop, "payments", interface="renamed")  # the consumer first
        await shop.put("o-between")
        await eventually(lambda: rests(shop, 1), 30, lambda: "nothing rests")
        await deploy(shop, "orders", interface="renamed")
        await shop.put("o-after")
        await shop.until(["o-after"], ["dispatched"])
        await shop.until(["o-between"], ["cancelled"])
        await eventually(lambda: stands(shop, available=9_999, sold=1), 30, lambda: "its stock is not free again")
        assert len(shop.bank.taken) == 1
        assert await rests(shop, 1), "for whoever wants to know"


async def stands(shop: EventShop, *, available: int, sold: int) -> bool:
    mug = await shop.get("products/mug")
    return (mug["available"], mug["sold"]) == (available, sold)


@asynchronous(seconds=240)
async def test_additive_breaks_nobody(tmp_path: Path) -> None:
    async with event_shop(tmp_path) as shop:
        await deploy(shop, "orders", interface="additive")
        await shop.put("o-1")
        await shop.until(["o-1"], ["dispatched"])


@asynchronous(seconds=240)
async def test_gated_refused_then_mended_it_is_deployed_in_either_order(tmp_path: Path) -> None:
    assert "renamed('amount', 'sum')" in refusal(ask("renamed"))
    assert "with_default('currency', …)" in refusal(ask("required"))
    assert not ask("additive")
    assert not ask("renamed", mended=True)
    assert not ask("required", mended=True)
    async with event_shop(tmp_path, variant="gated") as shop:
        await deploy(shop, "payments", interface="renamed")  # the consumer first: nobody notices
        await shop.put("o-1")
        await shop.until(["o-1"], ["dispatched"])
        await deploy(shop, "orders", interface="renamed")
        await shop.put("o-2")
        await shop.until(["o-2"], ["dispatched"])
        await deploy(shop, "payments")  # back, and now the producer was first: payments wait, and are made up for
        await shop.put("o-3")
        await eventually(lambda: rests(shop, 1), 30, lambda: "nothing rests")
        await deploy(shop, "payments", interface="renamed")
        await shop.until(["o-3"], ["dispatched"])
        assert await rests(shop, 0)


async def deploy(shop: EventShop, name: Any, **changed: Any) -> None:
    shop.stop(name)
    await shop.start(name, **changed)


async def rests(shop: EventShop, count: int) -> bool:
    stores = await open_stores(shop.options.store)
    async with stores.events:
        return len(await stores.delivery.letters(Letters("request_payment"))) == count

"""The shop alive: from a cart to a parcel, and what happens when stock, payment or time run out."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from headwater import ManualClock, Runtime
from headwater.testing.running import asynchronous
from headwater_shop.domain.cart import AddItem, CheckOut
from headwater_shop.domain.order import PlaceOrder, RetryPayment, ReturnedItem, ReturnGoods
from headwater_shop.domain.product import ListProduct
from headwater_shop.domain.shared import Address, Line
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.payment_double import Charge, PaymentDouble
from headwater_shop.event_driven.views import OrderSummary, order_summary, product_card
from headwater_shop.report import report

AT = datetime(2024, 5, 31, 23, 30, tzinfo=UTC)
HOME = Address("1 High Street", "York", "YO1", "United Kingdom")
PRICE = Decimal("2.55")


@asynccontextmanager
async def shop(gateway: PaymentDouble, clock: ManualClock | None = None) -> AsyncIterator[Runtime]:
    """A shop with ten mugs and ten cakes."""
    async with Runtime.open(shop_app(gateway), clock=clock) as runtime:
        for code in ("mug", "cake"):
            await runtime.execute(ListProduct(code, code.title(), "Things", PRICE, AT, on_hand=10))
        yield runtime


def order(order_id: str, quantity: int, *codes: str, price: Decimal = PRICE) -> PlaceOrder:
    lines = tuple(Line(code, code.title(), quantity, price) for code in codes)
    return PlaceOrder(order_id, "ada", "Ada", HOME, lines, AT)


async def until(runtime: Runtime, order_id: str, holds: Callable[[OrderSummary], bool]) -> OrderSummary:
    """The order once it is as wanted; the test's own time limit ends the waiting."""
    while True:
        row = await runtime.get(order_summary, order_id)
        if row is not None and holds(row):
            return row
        await a_moment(runtime)


async def a_moment(runtime: Runtime) -> None:
    """Let the shop work: until its next event, or a very short while."""
    await runtime.store.wait(await runtime.store.head(), timeout=0.01)


async def stock(runtime: Runtime, code: str) -> tuple[int | None, int, int | None]:
    await runtime.idle()
    card = await runtime.get(product_card, code)
    assert card is not None
    return card.on_hand, card.reserved, card.available


@asynchronous
async def test_a_cart_becomes_an_order_that_is_paid_and_dispatched() -> None:
    gateway = PaymentDouble()
    async with shop(gateway) as runtime:
        await runtime.execute(AddItem("c1", "mug", "Mug", PRICE, 2, AT))
        await runtime.execute(AddItem("c1", "cake", "Cake", PRICE, 1, AT))
        await runtime.execute(CheckOut("c1", "o1", "ada", "Ada", HOME, AT))
        row = await until(runtime, "o1", lambda row: row.status == "dispatched")
        assert (row.total, row.customer_id, row.country) == (Decimal("7.65"), "ada", "United Kingdom")
        assert await stock(runtime, "mug") == (8, 0, 8)
        assert gateway.ledger == (Charge("o1-1", "o1-1", Decimal("7.65")),)
        assert [each.order_id for each in await runtime.find(order_summary, where={"customer_id": "ada"})] == ["o1"]


@asynchronous
async def test_paid_orders_count_in_the_report_and_returns_go_back() -> None:
    gateway = PaymentDouble()
    async with shop(gateway) as runtime:
        await runtime.execute(order("o1", 3, "mug"))
        row = await until(runtime, "o1", lambda row: row.status == "dispatched")
        assert row.paid_at is not None
        await runtime.execute(ReturnGoods("o1", (ReturnedItem("mug", 1),), row.paid_at))
        await runtime.idle()
        assert await stock(runtime, "mug") == (8, 0, 8)
        assert gateway.ledger[1:] == (Charge("o1-1-return-1", "o1-1", -PRICE),)
        found = await report(runtime)
        assert found["by_month"] == {f"{row.paid_at:%Y-%m}": "5.10"}
        assert found["by_country"] == {"United Kingdom": "5.10"}
        assert found["top_products"] == [{"stock_code": "mug", "quantity": 3, "revenue": "7.65"}]
        figures = {name: found[name] for name in ("rows", "orders", "returns", "customers", "products")}
        assert figures == {"rows": 0, "orders": 1, "returns": 1, "customers": 1, "products": 1}
        assert (found["gross"], found["returned"], found["net"]) == ("7.65", "2.55", "5.10")


@asynchronous
async def test_an_order_beyond_the_stock_is_cancelled_whole_and_holds_nothing() -> None:
    gateway = PaymentDouble()
    async with shop(gateway) as runtime:
        await runtime.execute(order("o1", 8, "cake"))
        await until(runtime, "o1", lambda row: row.status == "dispatched")
        await runtime.execute(order("o2", 3, "mug", "cake"))
        row = await until(runtime, "o2", lambda row: row.status == "cancelled")
        assert row.reason == "only 2 of cake are left"
        assert await stock(runtime, "mug") == (10, 0, 10)
        assert await stock(runtime, "cake") == (2, 0, 2)
        assert [charge.id for charge in gateway.ledger] == ["o1-1"]


@asynchronous
async def test_a_price_that_nobody_was_shown_buys_nothing() -> None:
    async with shop(PaymentDouble()) as runtime:
        await runtime.execute(order("o1", 1, "mug", price=Decimal("0.01")))
        row = await until(runtime, "o1", lambda row: row.status == "cancelled")
        assert row.reason == "the price of mug is now 2.55"


@asynchronous
async def test_many_orders_never_sell_more_than_there_is() -> None:
    gateway = PaymentDouble(failure_rate=0.3, seed=4)
    async with shop(gateway) as runtime:
        for number in range(30):
            await runtime.execute(order(f"o{number}", 1, "mug", "cake"))
        await runtime.idle()
        rows = await runtime.find(order_summary)
        statuses = [row.status for row in rows]
        unpaid = statuses.count("payment_failed")
        assert len(gateway.ledger) == statuses.count("dispatched") == 10 - unpaid
        assert 0 < unpaid < 10
        assert statuses.count("cancelled") == 20
        assert await stock(runtime, "mug") == (unpaid, unpaid, 0)


@asynchronous
async def test_a_declined_payment_may_be_tried_again() -> None:
    gateway = PaymentDouble(failure_rate=1.0)
    async with shop(gateway) as runtime:
        await runtime.execute(order("o1", 1, "mug"))
        row = await until(runtime, "o1", lambda row: row.status == "payment_failed")
        assert row.reason == "the bank declined the payment"
        gateway.failure_rate = 0.0
        await runtime.execute(RetryPayment("o1", AT))
        await until(runtime, "o1", lambda row: row.status == "dispatched")
        assert [charge.id for charge in gateway.ledger] == ["o1-2"]


@asynchronous
async def test_an_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_is_free_again() -> None:
    clock = ManualClock(AT)
    gateway = PaymentDouble(failure_rate=1.0, clock=clock)
    async with shop(gateway, clock) as runtime:
        await runtime.execute(order("o1", 4, "mug"))
        await until(runtime, "o1", lambda row: row.status == "payment_failed")
        assert await stock(runtime, "mug") == (10, 4, 6)
        clock.advance(timedelta(minutes=16).total_seconds())
        row = await until(runtime, "o1", lambda row: row.status == "cancelled")
        assert row.reason == "the payment did not arrive in time"
        assert await stock(runtime, "mug") == (10, 0, 10)
        assert gateway.ledger == ()


@asynchronous
async def test_money_that_arrives_after_the_deadline_goes_back() -> None:
    clock = ManualClock(AT)
    gateway = PaymentDouble(down=True, clock=clock)
    async with shop(gateway, clock) as runtime:
        await runtime.execute(order("o1", 4, "mug"))
        await until(runtime, "o1", lambda row: row.status == "payment_due")
        clock.advance(timedelta(minutes=16).total_seconds())
        await until(runtime, "o1", lambda row: row.status == "cancelled")
        gateway.down = False
        while len(gateway.ledger) < 2:
            clock.advance(30)
            await a_moment(runtime)
        assert gateway.ledger == (Charge("o1-1", "o1-1", PRICE * 4), Charge("o1-1-back", "o1-1", PRICE * -4))
        assert (await until(runtime, "o1", lambda row: True)).status == "cancelled"


@asynchronous
async def test_a_gateway_that_is_down_delays_the_payment_and_takes_it_once() -> None:
    gateway = PaymentDouble(down=True)
    async with shop(gateway) as runtime:
        await runtime.execute(order("o1", 1, "mug"))
        while gateway.calls < 2:
            await a_moment(runtime)
        gateway.down = False
        await until(runtime, "o1", lambda row: row.status == "dispatched")
        assert [charge.id for charge in gateway.ledger] == ["o1-1"]


@asynchronous
async def test_the_double_answers_the_same_id_the_same_way_and_moves_money_once() -> None:
    gateway = PaymentDouble(failure_rate=0.5, seed=2)
    first = [await gateway.charge(f"p{n}", PRICE) for n in range(20)]
    assert [await gateway.charge(f"p{n}", PRICE) for n in range(20)] == first
    accepted = sum(receipt.accepted for receipt in first)
    assert 0 < accepted < 20
    assert len(gateway.ledger) == accepted
    again = PaymentDouble(failure_rate=0.5, seed=2)
    assert [(await again.charge(f"p{n}", PRICE)).accepted for n in range(20)] == [each.accepted for each in first]

"""Letters: one for each occasion, however often the post has to be asked."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from headwater import Runtime
from headwater.testing.running import asynchronous
from headwater.testing.specification import spec
from headwater_shop.domain import order_events
from headwater_shop.domain.notification import NotificationSent, RecordNotification, notifications
from headwater_shop.domain.order import CancelOrder, PlaceOrder
from headwater_shop.domain.product import ListProduct
from headwater_shop.domain.shared import Address, Line
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.letters import WorthWriting, letter
from headwater_shop.event_driven.notifier import NotifierDouble
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.views import Notice, order_summary

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
LINE = Line("mug", "Mug", 2, Decimal("2.50"))
PLACED = order_events.OrderPlaced("o1", "ada", "Ada", Address(), (LINE,), Decimal(5), AT)
SENT = NotificationSent("o1", "paid", "Paid", AT)


def test_an_occasion_is_written_about_once() -> None:
    again = RecordNotification("o1", "paid", "Paid", AT)
    spec(notifications).when(again).then(SENT)
    spec(notifications).given(SENT).when(again).then_nothing()
    sent = NotificationSent("o1", "dispatched", "On its way", AT)
    spec(notifications).given(SENT).when(RecordNotification("o1", "dispatched", "On its way", AT)).then(sent)
    spec(notifications).when(RecordNotification("O1", "paid", "", AT)).then_rejected("order_id_malformed")


def test_an_order_shows_its_letters_and_a_letter_makes_no_order() -> None:
    [row] = spec(order_summary).given(PLACED, SENT).rows().values()
    assert (row.notices, row.status) == ((Notice("paid", AT),), "placed")
    assert spec(order_summary).given(SENT).rows() == {}


@pytest.mark.parametrize(
    ("event", "id", "says"),
    [
        (order_events.OrderPaid("o1", "o1-1", "ada", "France", (LINE,), Decimal("5.00"), AT), "o1/paid", "£5.00"),
        (order_events.OrderDispatched("o1", (LINE,), AT), "o1/dispatched", "left our house"),
        (order_events.OrderCancelled("o1", (LINE,), "customer", "a whim", AT), "o1/cancelled", "a whim"),
    ],
)
def test_letters_say_what_has_happened(event: WorthWriting, id: str, says: str) -> None:
    written = letter(event)
    assert written.id == id
    assert says in written.text
    assert "o1" in written.subject


@asynchronous
async def test_a_post_that_is_down_delays_letters_and_doubles_none() -> None:
    post = NotifierDouble(down=True)
    async with Runtime.open(shop_app(PaymentDouble(), notifier=post)) as runtime:
        await runtime.execute(ListProduct("mug", "Mug", "Mugs", Decimal("2.50"), AT, on_hand=10))
        for id in ("o1", "o2"):
            await runtime.execute(PlaceOrder(id, "ada", "Ada", Address(), (LINE,), AT))
        while post.calls < 4:
            await runtime.store.wait(await runtime.store.head(), timeout=0.01)
        assert post.letters == ()
        post.down = False
        await runtime.idle()
        ids = sorted(each.id for each in post.letters)
        assert ids == ["o1/dispatched", "o1/paid", "o2/dispatched", "o2/paid"]
        for row in await runtime.find(order_summary):
            assert [notice.occasion for notice in row.notices] == ["paid", "dispatched"]


@asynchronous
async def test_who_cancels_is_written_to_as_well() -> None:
    post = NotifierDouble()
    async with Runtime.open(shop_app(PaymentDouble(failure_rate=1), notifier=post)) as runtime:
        await runtime.execute(ListProduct("mug", "Mug", "Mugs", Decimal("2.50"), AT, on_hand=10))
        await runtime.execute(PlaceOrder("o1", "ada", "Ada", Address(), (LINE,), AT))
        await runtime.idle()
        await runtime.execute(CancelOrder("o1", "cancelled by the customer", AT))
        await runtime.idle()
        assert [each.id for each in post.letters] == ["o1/cancelled"]

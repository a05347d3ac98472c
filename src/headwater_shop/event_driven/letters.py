"""What customers are told of their orders, and when."""

from collections.abc import Awaitable, Callable, Sequence
from typing import assert_never

from headwater_shop.domain.notification import RecordNotification
from headwater_shop.domain.order_events import OrderCancelled, OrderDispatched, OrderPaid
from headwater_shop.event_driven.notifier import Letter, Notifier

WorthWriting = OrderPaid | OrderDispatched | OrderCancelled


def letter(event: WorthWriting) -> Letter:
    """The letter about what has happened to an order."""
    match event:
        case OrderPaid():
            text = f"Thank you! We have received £{event.total} and are packing your parcel."
            return Letter(event.order_id, "paid", f"Your order {event.order_id} is paid", text)
        case OrderDispatched():
            text = "It left our house today. We hope you like it."
            return Letter(event.order_id, "dispatched", f"Your order {event.order_id} is on its way", text)
        case OrderCancelled():
            text = f"Nothing will be sent and no money is kept. The reason: {event.reason}."
            return Letter(event.order_id, "cancelled", f"Your order {event.order_id} was cancelled", text)
        case _:
            assert_never(event)


def notify(notifier: Notifier) -> Callable[[WorthWriting], Awaitable[Sequence[RecordNotification]]]:
    """Writes to the customer, as often as it takes; the notifier is idempotent by the letter's id, and the record that
    it went out counts once."""

    async def do(event: WorthWriting) -> Sequence[RecordNotification]:
        written = letter(event)
        at = await notifier.send(written)
        return [RecordNotification(written.order_id, written.occasion, written.subject, at)]

    return do

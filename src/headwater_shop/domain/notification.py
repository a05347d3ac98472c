"""What a customer was told of their order: a letter for each occasion, once."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from headwater import Decider, command, event
from headwater_shop.domain.bounds import bounded
from headwater_shop.domain.shared import Moment, require_order_id

Occasion = Literal["paid", "dispatched", "cancelled"]

# Events


@event("notification.sent")
class NotificationSent:
    """A letter about the order went out."""

    order_id: str
    occasion: Occasion
    subject: str
    at: Moment


# State


class Notifications(msgspec.Struct, frozen=True):
    """On which occasions the customer was written to."""

    sent: frozenset[str] = frozenset()


def evolve(notifications: Notifications, event: NotificationSent) -> Notifications:
    return replace(notifications, sent=notifications.sent | {event.occasion})


# Commands


@command("notification.record")
class RecordNotification:
    """A letter has gone out."""

    order_id: str
    occasion: Occasion
    subject: str
    at: Moment


# Decide


def decide(command: RecordNotification, notifications: Notifications) -> Sequence[NotificationSent]:
    require_order_id(command.order_id)
    if command.occasion in notifications.sent:
        return ()
    return (NotificationSent(command.order_id, command.occasion, command.subject, command.at),)


# Decider

notifications = Decider(
    "notification",
    initial=Notifications,
    decide=bounded(decide),
    evolve=evolve,
    stream=lambda command: command.order_id,
)

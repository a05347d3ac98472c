"""The event-driven shop as services, each a process with an application of its own. They share a store, and speak to
each other through the topics of a broker."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from headwater import App, Reaction, Topic
from headwater.upcasting import Upcaster, flattened
from headwater_shop.architecture import BANK, Service
from headwater_shop.domain.notification import notifications
from headwater_shop.domain.order import PAYMENT_DEADLINE, orders
from headwater_shop.domain.order_events import RefundDue
from headwater_shop.domain.payment import payments
from headwater_shop.domain.product import products
from headwater_shop.event_driven import reactions
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.gateway import PaymentGateway
from headwater_shop.event_driven.history import HISTORY
from headwater_shop.event_driven.interfaces import Interface, interface
from headwater_shop.event_driven.letters import notify
from headwater_shop.event_driven.notifier import NotifierDouble
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.topics import SERVICES, through_topics, with_clicks
from headwater_shop.event_driven.views import VIEWS

Name = Literal["ui", "orders", "products", "payments", "views"]
NAMES: Final[tuple[Name, ...]] = ("ui", "orders", "products", "payments", "views")

FRONT: Final = "ui"
PRODUCER: Final = "orders"
CONSUMERS: Final = ("payments",)
"""Both ends of the interface that changes; see `interfaces`."""


def services() -> tuple[Service, ...]:
    """The processes, in the order in which they start. None calls another one: only the bank is called."""
    return (
        Service("ui", database=False),
        Service("orders", database=False, listens=False),
        Service("products", database=False, listens=False),
        Service("payments", calls=(BANK,), database=False, listens=False),
        Service("views", database=False, listens=False),
    )


@dataclass(frozen=True)
class Part:
    """What a service is: its application, and which workers of that are at work in it."""

    app: App
    workers: Collection[str]


def part(
    name: Name,
    *,
    gateway: PaymentGateway | None = None,
    packing: timedelta = timedelta(0),
    payment_deadline: timedelta = PAYMENT_DEADLINE,
    form: Interface | None = None,
) -> Part:
    """The part that a service plays. `gateway` is what takes money, `form` that of the interface between the orders and
    the payments service (by default today's); for `packing` and `payment_deadline` see `shop_app`."""
    today = form or interface("")
    match name:
        case "ui":
            return Part(with_clicks(through_topics(shop_app())), ())
        case "orders":
            return _orders(packing, payment_deadline, today)
        case "products":
            return _products()
        case "payments":
            return _payments(gateway or PaymentDouble(), today)
        case "views":
            return Part(with_clicks(App("shop", views=VIEWS, upcasters=_history())), ("views", "trending"))


def _orders(packing: timedelta, payment_deadline: timedelta, form: Interface) -> Part:
    told = replace(_topic("orders"), told=form.tells)
    app = App(
        "shop",
        deciders=(orders, notifications),
        reactions=(
            Reaction("place_order", reactions.place_order),
            Reaction("answer_order", reactions.answer_order),
            Reaction("settle_order", reactions.settle_order),
            Reaction("watch_deadline", reactions.watch_deadline(payment_deadline)),
            Reaction("dispatch", reactions.dispatch(packing)),
            Reaction("notify", notify(NotifierDouble())),
        ),
        topics=(told, _topic("carts"), _topic("products"), _topic("payments")),
        upcasters=_history("order"),
    )
    return Part(app, (*(each.name for each in app.reactions), "timers", "orders", "carts"))


def _products() -> Part:
    app = App(
        "shop",
        deciders=(products,),
        reactions=(Reaction("keep_stock", reactions.keep_stock),),
        topics=(_topic("products"), _topic("orders")),
        upcasters=_history("product", "order"),
    )
    return Part(app, ("keep_stock", "products"))


def _payments(gateway: PaymentGateway, form: Interface) -> Part:
    read = replace(_topic("orders"), events=(form.reads, RefundDue))
    app = App(
        "shop",
        deciders=(payments,),
        reactions=(
            Reaction("request_payment", reactions.request_payment_of(form)),
            Reaction("take_money", reactions.take_money(gateway), concurrency=64),
            Reaction("give_back", reactions.give_back(gateway)),
        ),
        topics=(_topic("payments"), read),
        upcasters=form.upcasters,
    )
    return Part(app, ("request_payment", "take_money", "give_back", "payments"))


def _topic(name: str) -> Topic:
    return next(topic for topic in SERVICES if topic.name == name)


def _history(*families: str) -> list[Upcaster]:
    """What became of older events, of some families of types or of all."""
    return [each for each in flattened(HISTORY) if not families or each.type.partition(".")[0] in families]

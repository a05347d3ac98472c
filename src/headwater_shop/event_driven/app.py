"""The shop as a Headwater application."""

from datetime import timedelta

from headwater import App, Reaction
from headwater_shop.domain.cart import carts
from headwater_shop.domain.customer import customers
from headwater_shop.domain.invoice import invoices
from headwater_shop.domain.notification import notifications
from headwater_shop.domain.order import PAYMENT_DEADLINE, orders
from headwater_shop.domain.payment import payments
from headwater_shop.domain.product import products
from headwater_shop.domain.rejection import rejections
from headwater_shop.event_driven import reactions
from headwater_shop.event_driven.gateway import PaymentGateway
from headwater_shop.event_driven.history import HISTORY
from headwater_shop.event_driven.letters import notify
from headwater_shop.event_driven.notifier import Notifier, NotifierDouble
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.views import VIEWS


def shop_app(
    gateway: PaymentGateway | None = None,
    *,
    notifier: Notifier | None = None,
    payment_deadline: timedelta = PAYMENT_DEADLINE,
    packing: timedelta = timedelta(0),
) -> App:
    """The shop over a payment gateway (without one: a double that accepts everything at once) and a notifier (without
    one: a double that writes to nobody).

    An order is cancelled when it is not paid within `payment_deadline`; a paid one is dispatched after `packing`.
    """
    money_taker = gateway or PaymentDouble()
    return App(
        "shop",
        deciders=(products, customers, carts, orders, payments, notifications, invoices, rejections),
        views=VIEWS,
        reactions=(
            Reaction("place_order", reactions.place_order),
            Reaction("keep_stock", reactions.keep_stock),
            Reaction("answer_order", reactions.answer_order),
            Reaction("request_payment", reactions.request_payment),
            Reaction("take_money", reactions.take_money(money_taker), concurrency=64),
            Reaction("settle_order", reactions.settle_order),
            Reaction("give_back", reactions.give_back(money_taker)),
            Reaction("watch_deadline", reactions.watch_deadline(payment_deadline)),
            Reaction("dispatch", reactions.dispatch(packing)),
            Reaction("notify", notify(notifier or NotifierDouble())),
        ),
        upcasters=HISTORY,
    )

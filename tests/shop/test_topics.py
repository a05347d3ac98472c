"""The shop's services speak through topics, and everything happens as it does without them: once."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater import Runtime
from headwater.errors import BadInput, UnknownType
from headwater.reactions.reactor import sources
from headwater.testing.running import asynchronous
from headwater_shop.domain.cart import AddItem, CheckOut
from headwater_shop.domain.product import ListProduct
from headwater_shop.domain.shared import Address
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.notifier import NotifierDouble
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.topics import SERVICES, through_topics
from headwater_shop.event_driven.views import order_summary, product_card
from headwater_shop.running import Surroundings, broker_beside, running, streaming, workers_of

AT = datetime(2024, 5, 31, tzinfo=UTC)
HOME = Address("1 High Street", "York", "YO1", "France")
STATUSES = {"dispatched", "payment_failed"}


def test_every_reaction_runs_through_topics_and_nothing_else_is_relayed() -> None:
    reactions = shop_app().reactions
    assert [reaction.name for reaction in reactions if len(sources(reaction, SERVICES)) != 1] == []
    wanted = {cls for reaction in reactions for cls in reaction.events}
    assert {cls for topic in SERVICES for cls in topic.events} == wanted


async def buy(runtime: Runtime, first: int, number: int) -> None:
    for each in range(first, first + number):
        await runtime.execute(AddItem(f"c{each}", "mug", "Mug", Decimal("2.55"), 2, AT))
        await runtime.execute(CheckOut(f"c{each}", f"o{each}", "ada", "Ada", HOME, AT))


@asynchronous(seconds=60)
async def test_orders_are_paid_dispatched_and_written_about_once_with_topics_and_without(tmp_path: Path) -> None:
    """The shop begins on its store, moves to a broker, and back: what was done is not done again."""
    store, broker = f"sqlite:///{tmp_path}/shop.db", f"sqlite:///{tmp_path}/topics.db"
    bank, post = PaymentDouble(failure_rate=0.2, seed=3), NotifierDouble()
    plain = shop_app(bank, notifier=post)
    async with Runtime.open(plain, store) as runtime:
        await runtime.execute(ListProduct("mug", "Mug", "Mugs", Decimal("2.55"), AT, on_hand=100))
        await buy(runtime, 0, 8)
        await runtime.idle()
    async with Runtime.open(through_topics(plain), store, broker=broker) as runtime:
        await buy(runtime, 8, 12)
        await runtime.idle()
        assert runtime.broker
        groups = {group.name for topic in SERVICES for group in await runtime.broker.groups(topic.name)}
        assert groups == {reaction.name for reaction in plain.reactions}
    async with Runtime.open(plain, store) as runtime:
        await buy(runtime, 20, 4)
        await runtime.idle()
        rows = await runtime.find(order_summary)
        assert len(rows) == 24
        assert {row.status for row in rows} == STATUSES
        paid = [row.order_id for row in rows if row.status == "dispatched"]
        assert sorted(charge.payment_id for charge in bank.ledger) == sorted(f"{id}-1" for id in paid)
        written = sorted(letter.id for letter in post.letters)
        assert written == sorted(f"{id}/{occasion}" for id in paid for occasion in ("paid", "dispatched"))
        assert {len(row.notices) for row in rows if row.order_id in paid} == {2}
        mug = await runtime.get(product_card, "mug")
        assert mug
        assert (mug.on_hand, mug.reserved) == (100 - 2 * len(paid), 2 * (24 - len(paid)))


def test_clicks_go_beside_the_store() -> None:
    assert broker_beside("sqlite:///var/shop.db") == "sqlite:///var/shop-topics.db"
    assert broker_beside("sqlite:////srv/a.b/shop") == "sqlite:////srv/a.b/shop-topics"
    assert broker_beside("memory:") == "memory:"
    assert broker_beside("postgresql://server/shop") == ""


def test_with_a_broker_of_its_own_the_shop_runs_through_it() -> None:
    names = {topic.name for topic in streaming(shop_app(), "sqlite:///shop.db", "sqlite:///topics.db")[0].topics}
    assert names == {"clickstream", "carts", "orders", "payments", "products"}
    assert [topic.name for topic in streaming(shop_app(), "sqlite:///shop.db")[0].topics] == ["clickstream"]
    app = shop_app()
    assert streaming(app, "postgresql://server/shop") == (app, "")
    with pytest.raises(BadInput, match="forgets"):
        streaming(shop_app(), "sqlite:///shop.db", "memory:")


@asynchronous
async def test_workers_can_be_left_to_other_processes() -> None:
    app, _ = streaming(shop_app(), "memory:", "memory:")
    async with Runtime.open(app, broker="memory:", workers=workers_of(app)):
        pass
    with pytest.raises(UnknownType, match="'trendy'"):
        async with running("memory:", Surroundings(), broker="memory:", without=["trendy"]):
            pass
    async with running("memory:", Surroundings(), without=["trending"]) as opened:
        assert opened.clicks

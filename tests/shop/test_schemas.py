"""The shop's schemas hold for what it stores."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

import jsonschema_rs
import msgspec
import pytest

from headwater import Runtime
from headwater.messages import Kind
from headwater.schemas.asyncapi import asyncapi
from headwater.schemas.describing import schema_of
from headwater.schemas.drift import UNUSED, drift
from headwater.schemas.gate import check
from headwater.schemas.snapshot import Snapshot, dump, load
from headwater.schemas.taking import taken
from headwater.schemas.verifying import verify
from headwater.testing.running import asynchronous
from headwater_shop import running
from headwater_shop.domain.cart import AddItem, CheckOut
from headwater_shop.domain.product import ListProduct
from headwater_shop.domain.shared import Address
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.topics import through_topics, with_clicks
from headwater_shop.running import fill
from headwater_shop.seed import write_csv

SHOP = with_clicks(through_topics(shop_app()))
EVENTS = 10_000
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


@asynchronous(seconds=120)
async def test_ten_thousand_stored_events_are_valid_by_their_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "write_csv", partial(write_csv, orders=400))
    validators = {
        kind: jsonschema_rs.Draft202012Validator(schema_of(cls), validate_formats=True)
        for kind, cls in SHOP.events.types.items()
    }
    seen: list[tuple[Kind, bytes]] = []
    async with Runtime.open(shop_app()) as runtime:
        await fill(runtime, lambda _done, _total: None)
        await _sell(runtime, 750)
        found = await verify(SHOP.events, runtime.store)
        assert found.failures.keys() <= {("shop.filling_begun", 1), ("shop.filled", 1)}
        position = 0
        while (page := await runtime.store.read(after=position)).events:
            for event in page.events:
                kind = Kind(event.type, event.type_version)
                if kind in validators:
                    validators[kind].validate(msgspec.json.decode(event.data))
                    seen.append((kind, event.data))
            position = page.position
    print(f"{len(seen):,} events of {len({kind for kind, _ in seen})} kinds are valid")
    assert len(seen) >= EVENTS
    assert [each for each in drift(SHOP.events, seen[-500:]) if each.what != UNUSED] == []


async def _sell(runtime: Runtime, orders: int) -> None:
    """Orders that go all their way; from time to time one that does not."""
    await runtime.execute(ListProduct("X", "BOX", "Boxes", Decimal("2.50"), AT, on_hand=orders - 10))
    for number in range(orders):
        cart, order = f"cart-{number}", f"o-{number}"
        await runtime.execute(AddItem(cart, "X", "BOX", Decimal("2.50"), 1, AT))
        await runtime.execute(CheckOut(cart, order, "ann", "Ann", Address("1 Mill Lane"), AT))
    await runtime.idle(timeout=100)


def test_the_schemas_themselves_are_sound() -> None:
    for cls in SHOP.events.types.values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema_of(cls)})


def test_the_shop_passes_its_own_gate_and_has_a_document() -> None:
    before = load(dump(Snapshot(apps={"shop": taken(SHOP)})))
    assert check(SHOP, before) == []
    assert {"clickstream", "orders"} <= asyncapi(SHOP)["channels"].keys()

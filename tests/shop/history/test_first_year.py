"""A store of the shop's first year opens today: every view is what it should be, and the shop goes on with it."""

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from make import first_year, write
from reckoning import reckoned

from headwater import Rejected, Runtime, open_store
from headwater.testing.running import asynchronous
from headwater_shop.domain.cart import AddItem
from headwater_shop.domain.customer import ChangeAddress
from headwater_shop.domain.order import CancelOrder
from headwater_shop.domain.shared import Address
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.history import HISTORY
from headwater_shop.event_driven.views import VIEWS, customer_view, order_summary

STORED = Path(__file__).with_name("first_year.db")
NOW = datetime(2024, 1, 1, tzinfo=UTC)


async def opened(url: str, tmp_path: Path) -> str:
    """The address of a store with that year in it: the file itself, or the same on PostgreSQL."""
    if url.startswith("sqlite"):
        shutil.copy(STORED, url.removeprefix("sqlite:///"))
    else:
        await write(url)
    return url


def plain(value: Any) -> Any:
    """A row without what is empty; money by its value, times as the file has them."""
    if isinstance(value, Decimal):
        return value.normalize()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, msgspec.Struct):
        return plain({name: getattr(value, name) for name in value.__struct_fields__})
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if each not in ("", 0, None, False, (), [])}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def priced(value: Any) -> Any:
    """The same with money as text made into money."""
    if isinstance(value, dict):
        return {name: Decimal(each) if name == "unit_price" else priced(each) for name, each in value.items()}
    return [priced(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("again", [False, True], ids=["followed", "rebuilt"])
@asynchronous(seconds=60)
async def test_every_view_is_what_plain_reckoning_says(kept_url: str, tmp_path: Path, again: bool) -> None:
    expected = reckoned(STORED)
    async with Runtime.open(shop_app(), await opened(kept_url, tmp_path), workers=["views"]) as runtime:
        head = await runtime.store.head()
        for view in VIEWS:
            if again:
                async for _ in runtime.rebuild(view.name):
                    pass
            rows = await runtime.find(view, limit=1_000, after=head, timeout=30)
            found = {plain(row)[row.__struct_fields__[0]]: plain(row) for row in rows}
            assert found == {key: plain(priced(row)) for key, row in expected[view.name].items()}, view.name


@asynchronous(seconds=60)
async def test_it_goes_on_with_what_was(kept_url: str, tmp_path: Path) -> None:
    async with Runtime.open(shop_app(), await opened(kept_url, tmp_path), workers=["views"]) as runtime:
        head = await runtime.store.head()
        (waiting, *_) = await runtime.find(order_summary, where={"status": "payment_due"}, after=head)
        await runtime.execute(CancelOrder(waiting.order_id, "customer", NOW))
        with pytest.raises(Rejected, match="checked out"):
            await runtime.execute(AddItem(f"k{waiting.order_id[1:]}", "mug", "Mug", Decimal(1), 1, NOW))
        done = await runtime.execute(ChangeAddress("c1", Address("1 Elsewhere", country="Italy"), NOW))
        row = await runtime.get(customer_view, "c1", after=done.position)
        assert row is not None
        assert (row.name, row.country) == ("Married 1", "Italy")
        cancelled = await runtime.get(order_summary, waiting.order_id, after=done.position)
        assert cancelled is not None
        assert cancelled.status == "cancelled"


@asynchronous
async def test_the_file_is_what_the_script_makes(tmp_path: Path) -> None:
    await write(f"sqlite:///{tmp_path}/made.db")
    shutil.copy(STORED, tmp_path / "stored.db")
    url = f"sqlite:///{tmp_path}"
    async with await open_store(f"{url}/made.db") as made, await open_store(f"{url}/stored.db") as stored:
        assert (await made.read(limit=10_000)).events == (await stored.read(limit=10_000)).events
    kinds = {(event.type, event.type_version) for each in first_year() for event in each.events}
    old = {each.kind for entry in HISTORY for each in ([entry] if not isinstance(entry, list) else entry)}
    assert old <= kinds, "every old version is in it"

"""Filling an empty store with a made-up year: once, whole, and only where nothing else is."""

import asyncio
from functools import partial

import pytest

from headwater import NewEvent, Runtime, Write
from headwater.testing.running import asynchronous
from headwater_shop import running
from headwater_shop.report import report
from headwater_shop.running import fill, fill_if_empty, without_reactions
from headwater_shop.seed import write_csv


@pytest.fixture(autouse=True)
def short_year(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "write_csv", partial(write_csv, orders=40, days=31))


@asynchronous
async def test_a_filling_that_was_interrupted_is_completed_by_the_next(kept_url: str) -> None:
    async with Runtime.open(without_reactions()) as other:
        await fill(other, lambda _done, _total: None)
        whole, events = await report(other), await other.store.head()
    async with Runtime.open(without_reactions(), kept_url) as runtime:
        filling = asyncio.create_task(fill_if_empty(runtime))
        while await runtime.store.wait(await runtime.store.head(), timeout=5) < 20:
            pass
        filling.cancel()
        await asyncio.wait([filling])
        assert filling.cancelled()
    async with Runtime.open(without_reactions(), kept_url) as runtime:
        print(f"interrupted after {await runtime.store.head()} of {events} events")
        assert 0 < await runtime.store.head() < events, "half-filled"
        assert await fill_if_empty(runtime)
        assert await report(runtime) == whole
        head = await runtime.store.head()
        assert await fill_if_empty(runtime) is None
        assert await runtime.store.head() == head


@asynchronous
async def test_a_store_that_holds_something_else_is_left_alone(kept_url: str) -> None:
    async with Runtime.open(without_reactions(), kept_url) as runtime:
        await runtime.store.append(Write("mine", [NewEvent("mine", b"{}")]))
        assert await fill_if_empty(runtime) is None
        assert await runtime.store.head() == 1

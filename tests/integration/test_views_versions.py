"""A raised version is built beside the old one, which answers until it takes over; meanwhile the store goes on."""

import asyncio

import msgspec
import pytest
from bank import (
    Account,
    BankEvent,
    Deposited,
    Opened,
    accounts,
    apply,
    as_rows,
    concerned,
    expected,
    record,
    small_batches,
)

from headwater import App, Runtime, View
from headwater.testing.running import asynchronous


def doubled(row: Account, happened: BankEvent) -> Account | None:
    """As `apply`, and recognisable: `events` counts by two."""
    after = apply(row, happened)
    return msgspec.structs.replace(after, events=after.events + 1) if after else None


def app_of(*views: View[Account, BankEvent]) -> App:
    return App("bank", deciders=[accounts], views=views)


old_view = View("balances", concerned, Account, apply)
new_view = View("balances", concerned, Account, doubled, version=2)


def with_half(rows: list[Account]) -> list[Account]:
    return [msgspec.structs.replace(row, events=row.events // 2) for row in rows]


async def append_until(runtime: Runtime, done: asyncio.Event, most: int = 5_000) -> int:
    """Events as fast as they go in, but only so many: on a busy machine views in small batches never catch up else."""
    count = 0
    while not done.is_set() and count < most:
        await record(runtime.store, *[Deposited(f"a{n % 17}", n) for n in range(20)])
        count += 20
    return count


@asynchronous(seconds=60)
async def test_it_takes_over_while_events_come_in(kept_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query is answered by one build, whole: the old one's rows at first, the new one's from some moment on."""
    small_batches(monkeypatch, 50)
    async with Runtime.open(app_of(old_view), kept_url) as runtime:
        for _ in range(20):
            await record(runtime.store, Opened("mark", "x"), *[Deposited(f"a{n % 17}", n) for n in range(100)])
        await runtime.idle()
    async with Runtime.open(app_of(new_view), kept_url) as runtime:
        taken_over = asyncio.Event()
        appending = asyncio.create_task(append_until(runtime, taken_over))
        seen: list[int] = []
        while (mark := await runtime.get(new_view, "mark")) and mark.events == 20:
            seen.append(mark.events)
            await asyncio.sleep(0)
        assert mark == Account("mark", "x", 0, 40), "the new one has caught up when it takes over"
        taken_over.set()
        assert await appending > 0
        assert seen, "the old one answered meanwhile"
        await runtime.idle()
        rows = await runtime.find(new_view, limit=1_000)
        assert as_rows(with_half(rows)) == await expected(runtime.store)
        assert [(build.version, build.live) for build in await runtime.builds()] == [(2, True)]


@asynchronous(seconds=60)
async def test_rebuilds_one_after_the_other_while_events_come_in(
    kept_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_batches(monkeypatch, 50)
    async with Runtime.open(app_of(old_view), kept_url) as runtime:
        done = asyncio.Event()
        appending = asyncio.create_task(append_until(runtime, done))
        for _ in range(3):
            assert [each async for each in runtime.rebuild("balances")]
        done.set()
        await appending
        await runtime.idle()
        assert as_rows(await runtime.find(old_view, limit=1_000)) == await expected(runtime.store)

"""Runners that take builds from one another when each is too slow to be seen at work in time."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from bank import Account, Deposit, balances, bank

from headwater import Runtime
from headwater.testing.running import asynchronous
from headwater.views import runner

SHORT = 0.02  # seconds of patience
STEP = 0.1  # seconds that a step of a view takes


@asynchronous
async def test_slow_runners_come_to_an_agreement(kept_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PATIENCE", SHORT)
    advance = runner.Projecting.advance

    async def slowly(self: runner.Projecting, *arguments: Any, **options: Any) -> bool:
        await asyncio.sleep(STEP)
        return await advance(self, *arguments, **options)

    claim, claims = runner.Projecting.claim, 0

    async def counting(self: runner.Projecting, projection: runner.Projection) -> None:
        nonlocal claims
        claims += 1
        await claim(self, projection)

    monkeypatch.setattr(runner.Projecting, "advance", slowly)
    monkeypatch.setattr(runner.Projecting, "claim", counting)
    async with Runtime.open(bank, kept_url, workers=False) as first:
        await first.execute(Deposit("ann", 1))
        async with AsyncExitStack() as opened:
            for _ in range(3):
                await opened.enter_async_context(Runtime.open(bank, kept_url))
            row = await first.get(balances, "ann", after=1, timeout=10.0)
            assert row == Account("ann", None, 1, 1)
    assert claims <= 30, "they took the builds from one another again and again"

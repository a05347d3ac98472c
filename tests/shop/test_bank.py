"""The simulated bank: money moves once, and for good; and it can be made to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from headwater.testing.running import asynchronous
from headwater_shop.bank import make
from headwater_shop.parts.bench import Given, bench

CHARGE = {"payment_id": "o-1-1", "order_id": "o-1", "amount": "7.50", "card": "heron"}
BACK = {"refund_id": "o-1-1-back", "payment_id": "o-1-1", "amount": "7.50"}


@asynccontextmanager
async def bank(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with bench(Given(database=f"sqlite:///{folder}/bank.db")) as made:
        transport = httpx.ASGITransport(Starlette(routes=await make(made)))
        async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
            yield client


async def said(client: httpx.AsyncClient, path: str, asked: dict[str, str]) -> Any:
    answer = await client.post(path, json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ledger(client: httpx.AsyncClient) -> list[tuple[str, str, str]]:
    found = (await client.get("/ledger")).json()
    return [(each["order_id"], each["amount"], each["kind"]) for each in found]


@asynchronous()
async def test_a_payment_is_charged_once_and_given_back_once(tmp_path: Path) -> None:
    async with bank(tmp_path) as client:
        both = await asyncio.gather(said(client, "/charges", CHARGE), said(client, "/charges", CHARGE))
        assert both == [{"accepted": True, "reference": "bank-o-1-1", "reason": ""}] * 2
        assert await ledger(client) == [("o-1", "7.50", "charge")]
    async with bank(tmp_path) as client:  # another process
        assert (await said(client, "/charges", {**CHARGE, "card": "mayfly"}))["accepted"]
        for _ in range(2):
            assert (await said(client, "/refunds", BACK))["accepted"]
        assert await ledger(client) == [("o-1", "7.50", "charge"), ("o-1", "-7.50", "refund")]


@asynchronous()
async def test_a_payment_that_is_called_off_never_is(tmp_path: Path) -> None:
    async with bank(tmp_path) as client:
        assert not (await said(client, "/refunds", BACK))["accepted"]
        late = await said(client, "/charges", CHARGE)
        assert late == {"accepted": False, "reference": "", "reason": "the payment was called off"}
        assert await ledger(client) == []


@asynchronous()
async def test_cards_and_chance(tmp_path: Path) -> None:
    async with bank(tmp_path) as client:
        poor = await said(client, "/charges", {**CHARGE, "card": "mayfly"})
        assert poor == {"accepted": False, "reference": "", "reason": "this card has expired"}
        assert (await said(client, "/charges", {**CHARGE, "card": "mayfly"})) == poor
        assert not (await said(client, "/charges", {**CHARGE, "payment_id": "o-2-1", "card": "gold"}))["accepted"]
        await client.put("/behaviour", json={"failure_rate": 1.0})
        assert not (await said(client, "/charges", {**CHARGE, "payment_id": "o-3-1"}))["accepted"]
        assert await ledger(client) == []


@asynchronous()
async def test_down_and_as_many_as_it_can_take_at_once(tmp_path: Path) -> None:
    async with bank(tmp_path) as client:
        await client.put("/behaviour", json={"down": True})
        assert (await client.post("/charges", json=CHARGE)).status_code == 503
        await client.put("/behaviour", json={"delay": 0.1, "capacity": 2})
        began = asyncio.get_running_loop().time()
        asked = [{**CHARGE, "payment_id": f"o-{n}-1"} for n in range(6)]
        answers = await asyncio.gather(*(said(client, "/charges", each) for each in asked))
        assert all(each["accepted"] for each in answers)
        assert asyncio.get_running_loop().time() - began >= 0.3
        assert len(await ledger(client)) == 6

"""Free-form SQL projections: several tables, statements in order, exactly once, rebuilt like any view."""

from collections.abc import Iterable
from typing import Any

import pytest
from bank import BankEvent, Closed, Deposit, Deposited, Sent, accounts, record, small_batches

from headwater import App, Runtime, SqlView
from headwater.testing.running import asynchronous


def flows(happened: Deposited | Sent | Closed) -> Iterable[tuple[str, tuple[Any, ...]]]:
    match happened:
        case Deposited(account, pence):
            add = "ON CONFLICT (account) DO UPDATE SET pence = t.pence + ?2"
            yield "INSERT INTO {total} AS t VALUES (?1, ?2) " + add, (account, pence)
        case Sent(account, to, pence):
            yield "INSERT INTO {flow} SELECT count(*), ?, ?, ? FROM {flow}", (account, to, pence)
            yield "UPDATE {total} SET pence = pence - ? WHERE account = ?", (pence, account)
            yield "UPDATE {total} SET pence = (SELECT sum(pence) FROM {flow}) WHERE account = 'all'", ()
        case Closed(account):
            yield "DELETE FROM {total} WHERE account = ?", (account,)


TABLES = {
    "total": "account TEXT PRIMARY KEY, pence INTEGER NOT NULL",
    "flow": "id INTEGER NOT NULL, sender TEXT, receiver TEXT, pence INTEGER",
}
EVENTS: list[BankEvent] = [
    Deposited("all", 0),
    Deposited("ann", 10),
    Deposited("ann", 5),
    Sent("ann", "bob", 3),
    Deposited("bob", 1),
    Sent("ann", "cid", 4),
    Closed("bob"),
]
TOTALS = [("all", 7), ("ann", 8)]


def app_of(**how: Any) -> App:
    return App("bank", deciders=[accounts], views=[SqlView("flows", TABLES, flows, **how)])


async def check(runtime: Runtime) -> None:
    rows = await runtime.sql("SELECT * FROM total ORDER BY account")
    assert [(row["account"], row["pence"]) for row in rows] == TOTALS
    rows = await runtime.sql("SELECT receiver, flow.pence FROM flow JOIN total ON sender = account ORDER BY id")
    assert rows == [{"receiver": "bob", "pence": 3}, {"receiver": "cid", "pence": 4}]


@asynchronous
@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_statements_run_in_the_order_of_the_events(
    url: str, inline: bool, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_batches(monkeypatch, batch)
    async with Runtime.open(app_of(inline=inline), url) as runtime:
        for happened in EVENTS:
            await record(runtime.store, happened)
        await runtime.idle()
        await check(runtime)
        assert [each async for each in runtime.rebuild("flows")]
        await check(runtime)
        await runtime.execute(Deposit("ann", -8))
        await runtime.idle()
        assert await runtime.sql("SELECT pence FROM total WHERE account = 'ann'") == [{"pence": 0}]


@asynchronous
async def test_a_new_version_replaces_all_tables(kept_url: str) -> None:
    async with Runtime.open(app_of(), kept_url) as runtime:
        for happened in EVENTS:
            await record(runtime.store, happened)
        await runtime.idle()
    async with Runtime.open(app_of(version=2), kept_url) as runtime:
        while [(build.version, build.live) for build in await runtime.builds()] != [(2, True)]:
            assert await runtime._views.changed(10)
        await check(runtime)
        assert await runtime.views() == ["flow", "total"]

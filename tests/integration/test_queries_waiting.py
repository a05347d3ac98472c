"""Queries as of a position, and while views are rebuilt."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bank import Account, Deposit, balances, bank
from bank_processes import Worker, line_of, worker

from headwater import Runtime
from headwater.errors import Fenced, NotYetVisible
from headwater.testing.running import asynchronous


@asynchronous
async def test_a_query_waits_for_its_position(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        waiting = [
            asyncio.create_task(_pence(runtime, 3)),
            asyncio.create_task(_found(runtime, 3)),
            asyncio.create_task(_counted(runtime, 3)),
            asyncio.create_task(_by_sql(runtime, 3)),
        ]
        for _ in range(3):
            assert not any(each.done() for each in waiting)
            await runtime.execute(Deposit("ann", 1))
        assert await asyncio.gather(*waiting) == [3, 3, 1, 3]


async def _pence(runtime: Runtime, after: int) -> int:
    row = await runtime.get(balances, "ann", after=after)
    return row.pence if row else 0


async def _found(runtime: Runtime, after: int) -> int:
    return (await runtime.find(balances, where={"account": "ann"}, after=after))[0].pence


async def _counted(runtime: Runtime, after: int) -> int:
    return await runtime.count(balances, after=after)


async def _by_sql(runtime: Runtime, after: int) -> int:
    rows = await runtime.sql("SELECT pence FROM balances WHERE account = ?", ("ann",), after=after)
    return int(rows[0]["pence"])


@asynchronous
async def test_a_position_that_does_not_come_is_not_waited_for_in_vain(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
        for ask in (runtime.get(balances, "ann", after=2, timeout=0.01), runtime.count(balances, after=2, timeout=0)):
            with pytest.raises(NotYetVisible) as caught:
                await ask
            assert (caught.value.view, caught.value.position, caught.value.reached) == ("balances", 2, 1)
        with pytest.raises(NotYetVisible):
            await runtime.sql("SELECT 1", after=2, timeout=0.01)


@asynchronous
async def test_a_view_of_nothing(url: str) -> None:
    async with Runtime.open(bank, url) as runtime:
        assert await runtime.get(balances, "ann") is None
        assert await runtime.find(balances) == []
        assert await runtime.count(balances) == 0
        assert await runtime.sql("SELECT * FROM balances") == []
        assert await runtime.queries.position("balances") == 0
        assert await runtime.idle() == 0


# -- while another runtime's rebuild takes over


def _questions(runtime: Runtime) -> list[Callable[[], Awaitable[Any]]]:
    return [
        lambda: runtime.get(balances, "ann"),
        lambda: runtime.find(balances, where={"account": "ann"}),
        lambda: runtime.count(balances),
        lambda: runtime.sql("SELECT count(*) AS n FROM balances"),
    ]


ANSWERS = [Account("ann", None, 1, 1), [Account("ann", None, 1, 1)], 1, [{"n": 1}]]


@asynchronous
async def test_a_query_that_a_takeover_comes_before_asks_once_more(kept_url: str) -> None:
    async with Runtime.open(bank, kept_url) as runtime, Runtime.open(bank, kept_url) as other:
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
        builds, rebuilds = runtime._views.builds, 0

        async def just_before_a_takeover() -> list[Any]:
            nonlocal rebuilds
            found, rebuilds = await builds(), rebuilds + 1
            if rebuilds <= at_most:
                assert [each async for each in other.rebuild("balances")]
            return found

        runtime._views.builds = just_before_a_takeover  # type: ignore[method-assign]
        for question, answer in zip(_questions(runtime), ANSWERS, strict=True):
            at_most, rebuilds = 1, 0
            assert await question() == answer
        for question in _questions(runtime)[:3]:
            at_most, rebuilds = 2, 0
            with pytest.raises(Fenced):
                await question()


@asynchronous
async def test_queries_go_on_while_another_process_rebuilds(tmp_path: Path) -> None:
    async with Runtime.open(bank, f"sqlite:///{tmp_path}/store.db") as runtime:
        await runtime.execute(Deposit("ann", 1))
        await runtime.idle()
        with worker("rebuild", tmp_path / "store.db") as other:
            rebuilding = asyncio.create_task(asyncio.to_thread(_lines, other, 40))
            while not rebuilding.done():
                for question, answer in zip(_questions(runtime), ANSWERS, strict=True):
                    assert await question() == answer
            await rebuilding


def _lines(process: Worker, count: int) -> None:
    for _ in range(count):
        assert line_of(process) == "rebuilt"
